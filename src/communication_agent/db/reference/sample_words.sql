-- What things and people are called at a made-up dealer: models, work, places, names. Run before sample_dealer.sql.
-- Makers, companies and people are invented. Postal codes and area codes exist, so that time zones can be found.

-- Compiling these statements would take longer than running them, where the server can do it.
SET LOCAL jit = off;

CREATE TEMP TABLE sample_models ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY make COLLATE "C", model COLLATE "C", share) - 1 AS slot, models.*
FROM (VALUES
    ('Meadowlark', 'ZT-42', 'zero-turn mower', 'gas', 'MLZ42', 'mower', 'spring', 45, 3, 6),
    ('Meadowlark', 'ZT-48', 'zero-turn mower', 'gas', 'MLZ48', 'mower', 'spring', 50, 3, 7),
    ('Meadowlark', 'ZT-60 Pro', 'zero-turn mower', 'gas', 'MLZ60', 'mower', 'spring', 160, 2, 3),
    ('Meadowlark', 'E-Glide 42', 'zero-turn mower', 'battery', 'MLE42', 'battery', 'spring', 40, 3, 3),
    ('Meadowlark', 'LT-42', 'lawn tractor', 'gas', 'MLT42', 'mower', 'spring', 35, 3, 7),
    ('Meadowlark', 'LT-54', 'garden tractor', 'gas', 'MLT54', 'mower', 'spring', 45, 3, 4),
    ('Meadowlark', 'SP-21', 'self-propelled mower', 'gas', 'MSP21', 'mower', 'spring', NULL, 3, 7),
    ('Meadowlark', 'SP-21E', 'self-propelled mower', 'battery', 'MSE21', 'battery', 'spring', NULL, 3, 5),
    ('Meadowlark', 'Reel 16', 'reel mower', 'manual', 'MRL16', 'manual', 'spring', NULL, 2, 1),
    ('Harrowgate', 'Dale 1025', 'compact tractor', 'diesel', 'HGD10', 'tractor', 'spring', 90, 3, 3),
    ('Harrowgate', 'Dale 2538', 'compact tractor', 'diesel', 'HGD25', 'tractor', 'any', 140, 3, 2),
    ('Harrowgate', 'Dray 400', 'utility vehicle', 'gas', 'HGU40', 'tractor', 'any', 80, 2, 2),
    ('Northfell', 'SnowRunner 24', 'two-stage snow blower', 'gas', 'NSR24', 'snow', 'autumn', NULL, 3, 6),
    ('Northfell', 'SnowRunner 28 Pro', 'two-stage snow blower', 'gas', 'NSR28', 'snow', 'autumn', NULL, 3, 6),
    ('Northfell', 'TrackMaster 32', 'track-drive snow blower', 'gas', 'NTM32', 'snow', 'autumn', 20, 3, 2),
    ('Northfell', 'Drift 21', 'single-stage snow blower', 'gas', 'NDR21', 'snow', 'autumn', NULL, 3, 4),
    ('Northfell', 'Drift 21E', 'single-stage snow blower', 'battery', 'NDE21', 'battery', 'autumn', NULL, 3, 3),
    ('Timberjay', '18', 'chainsaw', 'gas', 'TJS18', 'saw', 'any', NULL, 2, 6),
    ('Timberjay', '24 Pro', 'chainsaw', 'gas', 'TJS24', 'saw', 'any', NULL, 2, 3),
    ('Timberjay', '14E', 'chainsaw', 'battery', 'TJE14', 'battery', 'any', NULL, 2, 4),
    ('Finchbrook', 'T-27', 'string trimmer', 'gas', 'FBT27', 'engine', 'any', NULL, 2, 4),
    ('Finchbrook', 'T-16E', 'string trimmer', 'battery', 'FBE16', 'battery', 'any', NULL, 2, 3),
    ('Finchbrook', 'BX-58', 'backpack blower', 'gas', 'FBX58', 'engine', 'any', NULL, 2, 4),
    ('Finchbrook', 'H-24E', 'hedge trimmer', 'battery', 'FBH24', 'battery', 'any', NULL, 2, 2),
    ('Stonecrop', 'PW-3200', 'pressure washer', 'gas', 'SCP32', 'engine', 'any', NULL, 2, 2),
    ('Stonecrop', 'G-7500', 'generator', 'gas', 'SCG75', 'engine', 'any', 30, 2, 3),
    ('Brookmere', 'Chip 8', 'wood chipper', 'gas', 'BMC08', 'engine', 'any', 40, 2, 1)
) AS models (make, model, kind, power_source, serial, care, season, hours_a_year, warranty_years, weight)
CROSS JOIN LATERAL generate_series(1, weight) AS share;

CREATE TEMP TABLE sample_work ON COMMIT DROP AS
SELECT care, string_to_array(service, '|') AS service, string_to_array(repair, '|') AS repair
FROM (VALUES
    ('mower', 'blade sharpening, oil and filter change|annual tune-up, air filter and spark plug|oil change, deck cleaning, belt check',
        'new deck drive belt and two blades|carburetor cleaned, new fuel line|starter replaced|spindle bearing replaced'),
    ('tractor', 'engine oil, hydraulic oil and filters changed|annual service, greased, all fluids checked',
        'hydraulic hose replaced|new battery and glow plugs|clutch adjusted, pedal linkage repaired'),
    ('snow', 'pre-season check, oil change, belts and shear pins checked|tune-up, skid shoes and scraper adjusted',
        'auger belt replaced|carburetor rebuilt after old fuel|new friction disc and chute cable'),
    ('saw', 'chain sharpened, air filter and spark plug|tune-up, bar dressed, oiler cleaned',
        'new bar and chain|starter rope and spring replaced|fuel line and primer bulb replaced'),
    ('engine', 'tune-up, air filter and spark plug|oil change and cleaning',
        'carburetor cleaned|recoil starter replaced|fuel line and filter replaced'),
    ('battery', 'battery check, cleaning, software update|blade sharpened, battery and charger tested',
        'power switch replaced|charger replaced|motor controller replaced'),
    ('manual', 'reel sharpened and adjusted|blades ground, bearings greased', 'bed knife replaced|handle and wheel repaired')
) AS work (care, service, repair);

CREATE TEMP TABLE sample_homes ON COMMIT DROP AS
SELECT state, postal_code, row_number() OVER (ORDER BY postal_code) - 1 AS slot
FROM (VALUES
    ('OH', '43003 43011 43015 43016 43017 43021 43031 43035 43040 43061 43065 43066 43074 43081 43082 43085 43214 43302'),
    ('CO', '80501 80521 80524 80525 80534 80537 80538 80549 80550 80601 80610 80615 80620 80631 80634 80644 80701')
) AS homes (state, postal_codes)
CROSS JOIN LATERAL unnest(string_to_array(postal_codes, ' ')) AS postal_code
WHERE state = current_setting('sample.home_state');

CREATE TEMP TABLE sample_away ON COMMIT DROP AS
SELECT away.*, row_number() OVER (ORDER BY postal_code) - 1 AS slot
FROM (VALUES
    ('AZ', '85201', 'America/Phoenix', '480'), ('CA', '93721', 'America/Los_Angeles', '559'),
    ('TX', '78205', 'America/Chicago', '210'), ('IL', '61602', 'America/Chicago', '309'),
    ('FL', '34102', 'America/New_York', '239'), ('NC', '28801', 'America/New_York', '828'),
    ('WA', '99201', 'America/Los_Angeles', '509'), ('HI', '96720', 'Pacific/Honolulu', '808'),
    ('CO', '81301', 'America/Denver', '970'), ('MT', '59715', 'America/Denver', '406'),
    ('NE', '68508', 'America/Chicago', '402'), ('AK', '99501', 'America/Anchorage', '907')
) AS away (state, postal_code, zone, area_code)
WHERE away.state <> current_setting('sample.home_state');

CREATE TEMP TABLE sample_words ON COMMIT DROP AS
SELECT
    string_to_array('Aaliyah Abigail Adaeze Aisha Alan Albert Amara Amir Andrea Andrew Angela Anh Anika Anna-Lena Arjun Arthur Barbara Benjamin Beth Brian Caleb Carol Carl Catherine Chen Chidi Christopher Claire Craig Curtis Dale Daniel Darnell Dawn Deborah Denise Dennis Diane Donna Dwayne Edith Eleanor Eric Evelyn Farah Frank Gail Gary George Gloria Grace Greg Hannah Harold Heather Helen Hiroshi Hye-jin Ian Imani Ingrid Irene Isaac Jacob Jamal Janet Jasmine Jerome Joan Joel Joy Judith Julia Kavita Keisha Kenneth Kofi Kyle Lakshmi Laura Leon Linh Lloyd Lois Lorraine Malik Margaret Martin Mei Melissa Michael Ming Mohammed Monique Nadia Nancy Nathan Nia Noah Olga Omar Pamela Patrick Paul Peggy Phyllis Quentin Rachel Ramesh Raymond Renee Rhonda Robert Roger Ruth Samir Sandra Sean Shanice Sharon Stanley Stefan Susan Tamika Teresa Thomas Thuy Tyrone Vera Victor Vikram Wanda Wayne Wei William Xavier Yasmin Yusuf Zoe', ' ') AS first_en,
    string_to_array('Alejandro Ana Beatriz Carlos Carmen César Elena Esteban Francisca Guadalupe Inés Javier José Juana Leticia Lucía Luis María Martín Mónica Óscar Pilar Ramón Raúl Rocío Sofía Tomás Verónica', ' ') AS first_es,
    string_to_array('Abara Adeyemi Ahmed Andersen Banerjee Becker Bell Bennett Bergstrom Blackwell Boateng Bowman Brandt Brennan Carver Chandra Chowdhury Cobb Conrad Cooper Dalton Dang Decker Delaney Desai Dietz Doyle Drummond Eaton Edwards Ellison Eriksen Farrell Fischer Fletcher Forbes Foster Gaines Galloway Gates Gibbs Goldberg Graves Haddad Hale Hansen Hargrove Hassan Hoang Hoffman Holt Huang Hutchins Ito Iyer Jennings Johansson Joshi Kang Kaplan Keller Khan Kim Kowalski Krause Lam Larsen Lindqvist Lowe Mahoney Marsh Mbeki McAllister Mehta Mercer Moyer Nakamura Nash Ncube Nguyen Novak O''Brien O''Rourke Okafor Olsen Osei Parrish Patel Pham Pierce Pruitt Quinn Rahman Rao Reyes-Cole Rhodes Rossi Rowe Sato Schneider Shah Sharma Singh Smith Snyder Sorensen Stein Sutton Tanaka Thornton Tran Turner Underwood Vance Vogel Wagner Walsh Weaver Whitaker Wong Woods Yang Yoder Zeller Zhang', ' ') AS last_en,
    string_to_array('Acosta Aguilar Cabrera Castillo Delgado Domínguez Escobar Fuentes García Guzmán Herrera Ibáñez Jiménez López Medina Muñoz Núñez Ortega Peña Quintero Ramírez Rivas Salazar Serrano Trujillo Vásquez Zúñiga', ' ') AS last_es,
    string_to_array('Farms|Grounds Care|Landscaping LLC|Lawn & Snow|Nursery|Orchards|Property Services|Tree Service|Township Parks|Church Grounds|Rentals|Golf Club', '|') AS trades,
    string_to_array('farmlink homenet lakemail mailbox quickpost valleynet', ' ') AS domains,
    string_to_array(CASE current_setting('sample.home_state')
        WHEN 'OH' THEN '614 740 220 380 419 567 440 216 330 234 513 937 412 724 814 717 610 215 570 313 734 517 248 810 586 989 616 231 317 765 260 304 681 859 606 716 585 315 607 518 540 804 336 704 919'
        ELSE '970 303 720 719 307 801 385 435 505 575 406' END, ' ') AS area_codes;
