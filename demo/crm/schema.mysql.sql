-- The business of the demo as a MySQL or MariaDB shop would keep it: one
-- database for all. Made as the server's owner; statements end at a line's end.
CREATE TABLE customers (
    id            bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    customer_no   varchar(12) NOT NULL UNIQUE CHECK (customer_no REGEXP '^C-[0-9]{6}$'),
    first_name    varchar(80) NOT NULL,
    last_name     varchar(80) NOT NULL,
    email         varchar(160) NOT NULL UNIQUE CHECK (email LIKE '%_@_%'),
    phone         varchar(32),
    company       varchar(120),
    street        varchar(120) NOT NULL,
    postal_code   varchar(12) NOT NULL,
    city          varchar(80) NOT NULL,
    country       char(2) NOT NULL CHECK (country REGEXP '^[A-Z]{2}$'),
    date_of_birth date CHECK (date_of_birth > '1900-01-01'),
    segment       enum('private', 'business', 'key_account') NOT NULL DEFAULT 'private',
    status        enum('lead', 'active', 'paused', 'closed') NOT NULL DEFAULT 'lead',
    newsletter    tinyint(1) NOT NULL DEFAULT 0,
    credit_limit  decimal(12,2) NOT NULL DEFAULT 0 COMMENT 'Open invoices allowed, in EUR.' CHECK (credit_limit >= 0),
    notes         text,
    created_at    datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    updated_at    datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
    last_login_at datetime(6),
    CHECK (updated_at >= created_at),
    CHECK (segment = 'private' OR company IS NOT NULL),
    KEY customers_city (country, city),
    KEY customers_last_name (last_name),
    KEY customers_created (created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT 'People and firms that buy from us. Personal data: retention policy R-12.';

CREATE TABLE products (
    id          int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    sku         varchar(16) NOT NULL UNIQUE,
    name        varchar(120) NOT NULL,
    price       decimal(10,2) NOT NULL CHECK (price > 0),
    active      tinyint(1) NOT NULL DEFAULT 1,
    created_at  datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE orders (
    id           bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    order_no     varchar(40) NOT NULL UNIQUE,
    customer_id  bigint unsigned NOT NULL,
    status       enum('draft', 'placed', 'paid', 'shipped', 'delivered', 'cancelled', 'returned') NOT NULL DEFAULT 'draft',
    total        decimal(12,2) NOT NULL CHECK (total >= 0),
    currency     char(3) NOT NULL DEFAULT 'EUR' CHECK (currency IN ('EUR', 'USD', 'GBP', 'AUD', 'SEK', 'CAD')),
    ordered_at   datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    shipped_at   datetime(6),
    delivered_at datetime(6),
    CHECK (shipped_at IS NULL OR shipped_at >= ordered_at),
    CHECK (delivered_at IS NULL OR delivered_at >= shipped_at),
    KEY orders_customer (customer_id, ordered_at),
    KEY orders_status (status, ordered_at),
    CONSTRAINT orders_of FOREIGN KEY (customer_id) REFERENCES customers (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE order_items (
    order_id   bigint unsigned NOT NULL,
    line       smallint unsigned NOT NULL CHECK (line > 0),
    product_id int unsigned NOT NULL,
    quantity   int unsigned NOT NULL CHECK (quantity > 0),
    price      decimal(10,2) NOT NULL,
    PRIMARY KEY (order_id, line),
    CONSTRAINT items_of FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE,
    CONSTRAINT items_are FOREIGN KEY (product_id) REFERENCES products (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- default_for does what a partial unique index does elsewhere: one default
-- card for each customer.
CREATE TABLE payment_cards (
    id          bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    customer_id bigint unsigned NOT NULL,
    brand       enum('visa', 'mastercard', 'amex') NOT NULL,
    last4       char(4) NOT NULL CHECK (last4 REGEXP '^[0-9]{4}$'),
    token       varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE COMMENT 'The payment provider''s token. Card numbers are never stored.',
    holder      varchar(160) NOT NULL,
    exp_month   tinyint unsigned NOT NULL CHECK (exp_month BETWEEN 1 AND 12),
    exp_year    smallint unsigned NOT NULL CHECK (exp_year BETWEEN 2015 AND 2045),
    is_default  tinyint(1) NOT NULL DEFAULT 1,
    created_at  datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    default_for bigint unsigned AS (CASE WHEN is_default = 1 THEN customer_id END) VIRTUAL UNIQUE,
    KEY cards_of (customer_id),
    CONSTRAINT cards_of FOREIGN KEY (customer_id) REFERENCES customers (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE departments (
    id   int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name varchar(80) NOT NULL UNIQUE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE employees (
    id            int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    employee_no   varchar(8) NOT NULL UNIQUE,
    first_name    varchar(80) NOT NULL,
    last_name     varchar(80) NOT NULL,
    email         varchar(160) NOT NULL UNIQUE,
    phone         varchar(32),
    job_title     varchar(80) NOT NULL,
    department_id int unsigned NOT NULL,
    manager_id    int unsigned,
    hired_on      date NOT NULL,
    left_on       date,
    created_at    datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    CHECK (left_on IS NULL OR left_on > hired_on),
    CONSTRAINT works_in FOREIGN KEY (department_id) REFERENCES departments (id),
    CONSTRAINT works_for FOREIGN KEY (manager_id) REFERENCES employees (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE payroll (
    id            int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    employee_id   int unsigned NOT NULL,
    valid_from    date NOT NULL,
    annual_salary decimal(10,2) NOT NULL CHECK (annual_salary BETWEEN 12000 AND 900000),
    bonus_percent decimal(4,1) NOT NULL DEFAULT 0,
    currency      char(3) NOT NULL DEFAULT 'EUR',
    iban          varchar(34) NOT NULL,
    tax_id        varchar(20),
    UNIQUE KEY payroll_once (employee_id, valid_from),
    CONSTRAINT paid_to FOREIGN KEY (employee_id) REFERENCES employees (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT 'Salaries. Access: people team and payroll run only.';

CREATE TABLE api_credentials (
    id          int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    vendor      varchar(40) NOT NULL,
    label       varchar(60) NOT NULL,
    environment enum('production', 'staging', 'development') NOT NULL,
    key_id      varchar(128),
    secret      varchar(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE COMMENT 'To be moved into the vault, see ticket OPS-411.',
    scopes      json NOT NULL,
    owner_id    int unsigned,
    created_at  datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    rotated_at  datetime(6),
    expires_at  datetime(6),
    UNIQUE KEY credential (vendor, label, environment),
    CONSTRAINT owned_by FOREIGN KEY (owner_id) REFERENCES employees (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE VIEW customer_overview AS
    SELECT c.id, c.customer_no, concat(c.first_name, ' ', c.last_name) AS name, c.email, c.country, c.status,
           count(o.id) AS orders, coalesce(sum(o.total), 0) AS lifetime_value, max(o.ordered_at) AS last_order
    FROM customers c
    LEFT JOIN orders o ON o.customer_id = c.id AND o.status NOT IN ('draft', 'cancelled')
    GROUP BY c.id;
