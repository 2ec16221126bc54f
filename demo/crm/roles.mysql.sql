-- Who may do what, in the usual generous way. The accounts are made, with
-- their passwords, by the loader before this.
GRANT SELECT, INSERT, UPDATE ON customers TO 'crm_app'@'%';
GRANT SELECT, INSERT, UPDATE ON orders TO 'crm_app'@'%';
GRANT SELECT, INSERT, UPDATE ON order_items TO 'crm_app'@'%';
GRANT SELECT, INSERT, UPDATE ON payment_cards TO 'crm_app'@'%';
GRANT SELECT ON products TO 'crm_app'@'%';
GRANT SELECT ON customer_overview TO 'crm_app'@'%';
GRANT SELECT ON products TO 'shop_web'@'%';
GRANT SELECT ON orders TO 'shop_web'@'%';
GRANT SELECT ON customers TO 'shop_web'@'%';
GRANT SELECT ON customers TO 'jhartmann'@'%';
GRANT SELECT ON orders TO 'jhartmann'@'%';
GRANT SELECT ON order_items TO 'jhartmann'@'%';
GRANT SELECT ON payment_cards TO 'jhartmann'@'%';
GRANT SELECT ON products TO 'jhartmann'@'%';
GRANT SELECT ON api_credentials TO 'jhartmann'@'%';
GRANT SELECT ON customer_overview TO 'jhartmann'@'%';
GRANT SELECT ON customers TO 'support_kim'@'%';
GRANT SELECT ON orders TO 'support_kim'@'%';
GRANT SELECT ON customer_overview TO 'support_kim'@'%';
GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON crm.* TO 'backup_svc'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE, SHOW VIEW, TRIGGER ON crm.* TO 'honeyrow_seed'@'%';
