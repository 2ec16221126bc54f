-- Who may do what, in the usual generous way. Passwords are put in by the loader.
CREATE ROLE crm_app LOGIN;        -- the order desk's application
CREATE ROLE shop_web LOGIN;       -- the web shop
CREATE ROLE jhartmann LOGIN;      -- a controller with a reporting account
CREATE ROLE support_kim LOGIN;    -- a support agent, whose password gets stolen
CREATE ROLE backup_svc LOGIN;     -- the nightly backup
CREATE ROLE honeyrow_seed LOGIN;  -- honeyrow seed: plants and removes honey rows; doctor looks for ways around the proxy

GRANT SELECT, INSERT, UPDATE ON customers, orders, order_items, payment_cards TO crm_app;
GRANT SELECT ON products, customer_overview TO crm_app;
GRANT SELECT ON products, orders, customers TO shop_web;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO jhartmann;
GRANT SELECT ON customers, orders, customer_overview TO support_kim;
GRANT pg_read_all_data TO backup_svc;
GRANT USAGE ON SCHEMA hr TO honeyrow_seed;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, hr TO honeyrow_seed;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public, hr TO honeyrow_seed;
GRANT pg_read_all_stats TO honeyrow_seed;
