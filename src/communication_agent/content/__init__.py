"""Words: from a type's wording and a customer's facts to a subject, HTML, text and SMS."""
