// What PostgreSQL's and MariaDB's JDBC drivers do on the wire, and what pools and
// IDEs ask them for. Arguments: postgresql or mariadb, host, port, mode (disable
// or require).

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.math.BigDecimal;
import java.sql.*;
import java.util.*;

public class Jdbc {
    static boolean pg, sorted; // sorted: the driver gives rows in any order
    static String url, user = "app", password = "secret";

    static Connection connect(String more) throws SQLException {
        Properties p = new Properties();
        p.setProperty("user", user);
        p.setProperty("password", password);
        return DriverManager.getConnection(url + more, p);
    }

    static void print(Object... what) {
        StringBuilder b = new StringBuilder();
        for (Object o : what) b.append(o instanceof Object[] a ? Arrays.deepToString(a) : o instanceof int[] n ? Arrays.toString(n) : o).append(' ');
        System.out.println(b.toString().replaceAll("(pg_temp_|pg_toast_temp_|jd_[fp]_)\\d+", "$1N"));
    }

    static void tell(SQLException e) {
        int n = 0;
        for (SQLException x = e; x != null && n < 3; x = x.getNextException(), n++)
            print("error", x.getSQLState(), x.getErrorCode(), String.valueOf(x.getMessage()).replaceAll("\\(conn=\\d+\\) ", "").replaceAll("\\s+", " "), x.getClass().getSimpleName());
    }

    interface Work { void run() throws Exception; }

    static void attempt(Work w) throws Exception {
        try { w.run(); } catch (SQLException e) { tell(e); }
    }

    /** rows prints a result: names and types of its columns, the first rows, their number. */
    static void rows(ResultSet r) throws Exception {
        ResultSetMetaData m = r.getMetaData();
        StringBuilder b = new StringBuilder();
        for (int i = 1; i <= m.getColumnCount(); i++)
            b.append(m.getColumnLabel(i)).append(':').append(m.getColumnTypeName(i)).append(':').append(m.getPrecision(i)).append(m.isNullable(i)).append(' ');
        print(b);
        int n = 0;
        List<String> lines = new ArrayList<>();
        for (; r.next(); n++) {
            if (n >= 40 && !sorted) continue;
            b.setLength(0);
            for (int i = 1; i <= m.getColumnCount(); i++) {
                Object o = r.getObject(i);
                b.append(o instanceof byte[] x ? HexFormat.of().formatHex(x) : o instanceof Blob x ? HexFormat.of().formatHex(x.getBytes(1, (int) x.length())) : o).append('|');
            }
            lines.add(b.toString());
        }
        if (sorted) Collections.sort(lines);
        lines.forEach(l -> print(l));
        print(n, "rows");
        r.close();
    }

    static void query(Connection c, String sql) throws Exception {
        attempt(() -> {
            try (Statement s = c.createStatement()) {
                boolean set = s.execute(sql);
                while (set || s.getUpdateCount() != -1) {
                    if (set) rows(s.getResultSet()); else print("count", s.getUpdateCount());
                    set = s.getMoreResults();
                }
                for (SQLWarning w = s.getWarnings(); w != null; w = w.getNextWarning()) print("warning", w.getMessage());
            }
        });
    }

    static void common(Connection c) throws Exception {
        String text = pg ? "text" : "varchar(100)", blob = pg ? "bytea" : "blob", stamp = pg ? "timestamp" : "datetime(6)", temp = pg ? "temp" : "temporary";
        query(c, "create " + temp + " table t (id int primary key, name " + text + ", price decimal(12,3), raw " + blob + ", at " + stamp + ", born date, f double precision, yes boolean)");
        boolean bytes = !c.getMetaData().getURL().contains("=simple");
        // Batches, with and without the driver's rewriting of them (by the URL).
        try (PreparedStatement p = c.prepareStatement("insert into t (id, name, price, raw, at, born, f, yes) values (?, ?, ?, ?, ?, ?, ?, ?)")) {
            for (int i = 0; i < 500; i++) {
                p.setInt(1, i);
                p.setString(2, i % 9 == 0 ? null : "Zoë " + i);
                p.setBigDecimal(3, new BigDecimal(i).divide(new BigDecimal(4)));
                p.setBytes(4, bytes ? new byte[] {0, (byte) i, (byte) 255, '\''} : null); // not in the simple protocol
                p.setTimestamp(5, Timestamp.valueOf("2026-11-22 01:02:03.000004"));
                p.setDate(6, java.sql.Date.valueOf("1990-02-28"));
                p.setDouble(7, i / 7.0);
                p.setBoolean(8, i % 2 == 0);
                p.addBatch();
            }
            int[] n = p.executeBatch();
            print("batch", n.length, Arrays.stream(n).filter(x -> x == 1 || x == Statement.SUCCESS_NO_INFO).count());
        }
        attempt(() -> {
            try (PreparedStatement p = c.prepareStatement("insert into t (id, name) values (?, ?)")) {
                for (int i : new int[] {900, 901, 5, 902}) {
                    p.setInt(1, i);
                    p.setString(2, "dup");
                    p.addBatch();
                }
                p.executeBatch();
            }
        });
        query(c, "select count(*), min(name) from t where id >= 900");
        // A statement is the server's own after five runs (prepareThreshold), and its rows binary.
        try (PreparedStatement p = c.prepareStatement("select id, name, price, raw, at, born, f, yes from t where id = ?")) {
            for (int i = 0; i < 9; i++) {
                p.setInt(1, i * 3);
                rows(p.executeQuery());
            }
            ResultSetMetaData m = p.getMetaData();
            print(m.getTableName(1), m.getColumnName(2), m.isAutoIncrement(1), p.getParameterMetaData().getParameterCount());
        }
        try (Statement s = c.createStatement()) {
            for (String sql : new String[] {"update t set name = 'x' where id < 10", "delete from t where id between 300 and 310", "insert into t (id) values (1000), (1001)"}) s.addBatch(sql);
            print(s.executeBatch());
        }
        // Results in portions: a cursor of the server's.
        c.setAutoCommit(false);
        try (Statement s = c.createStatement(ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY)) {
            s.setFetchSize(37);
            ResultSet r = s.executeQuery("select id, name from t order by id");
            long sum = 0;
            while (r.next()) sum += r.getInt(1);
            print("in portions", sum);
            r = s.executeQuery("select id from t order by id");
            r.next();
            print(r.getInt(1));
            r.close(); // in the middle
        }
        c.commit();
        try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE); ResultSet r = s.executeQuery("select id, name from t order by id")) {
            r.absolute(5);
            r.updateString("name", "updated");
            r.updateRow();
            r.last();
            print(r.getRow(), r.getInt(1));
            r.moveToInsertRow();
            r.updateInt("id", 2000);
            r.updateString("name", "inserted");
            r.insertRow();
        }
        Savepoint sp = c.setSavepoint("sp");
        query(c, "insert into t (id) values (1)");
        c.rollback(sp);
        query(c, "select name from t where id in (4, 2000) order by id");
        c.rollback();
        c.setAutoCommit(true);
        for (int level : new int[] {Connection.TRANSACTION_SERIALIZABLE, Connection.TRANSACTION_READ_COMMITTED}) {
            c.setTransactionIsolation(level);
            print("isolation", c.getTransactionIsolation());
        }
        c.setReadOnly(true);
        query(c, "select 1");
        c.setReadOnly(false);
        for (String bad : new String[] {"select nosuch from t", "insert into t (id) values (1)", "select * from nosuch", "update t set id = null where id = 1"}) {
            query(c, bad);
            attempt(() -> { try (PreparedStatement p = c.prepareStatement(bad)) { p.execute(); } });
        }
        if (pg || c.getMetaData().getURL().contains("allowMultiQueries")) query(c, "select 1 as a; select 2 as b");
        print("valid", c.isValid(5));
        // A time-out and a cancellation from another thread.
        String sleep = pg ? "select count(*) from generate_series(1, 999999) a, generate_series(1, 999999) b" : "select count(*) from seq_1_to_1000000 a, seq_1_to_1000000 b where a.seq + b.seq < 0";
        attempt(() -> { try (Statement s = c.createStatement()) { s.setQueryTimeout(1); s.execute(sleep); print("slept"); } });
        attempt(() -> {
            try (Statement s = c.createStatement()) {
                Thread k = new Thread(() -> { try { Thread.sleep(400); s.cancel(); } catch (Exception e) { print(e); } });
                k.start();
                try { s.execute(sleep); print("slept"); } finally { k.join(); }
            }
        });
        query(c, "select 'goes on'");
        String big = "z".repeat(3_000_000);
        try (PreparedStatement p = c.prepareStatement(pg ? "select ?::text" : "select ?")) {
            p.setString(1, big);
            ResultSet r = p.executeQuery();
            r.next();
            print("big", r.getString(1).equals(big));
        }
    }

    /** metadata asks for what IDEs, pools and mappers ask for. */
    static void metadata(Connection c) throws Exception {
        DatabaseMetaData m = c.getMetaData();
        String cat = pg ? null : "app", schema = pg ? "jd" : null;
        print(m.getDatabaseProductName(), m.getDatabaseMajorVersion(), m.getDriverName(), m.getSQLKeywords().length(), m.getMaxColumnNameLength(), m.getUserName().replaceAll("@.*", ""));
        Work[] asks = {
            () -> rows(m.getCatalogs()), () -> rows(m.getSchemas()), () -> rows(m.getTableTypes()), () -> rows(m.getTables(cat, schema, "jd%", null)),
            () -> rows(m.getTables(cat, schema, "%", new String[] {"TABLE", "VIEW"})), () -> rows(m.getColumns(cat, schema, "jd%", "%")), () -> rows(m.getPrimaryKeys(cat, schema, "jd_orders")),
            () -> rows(m.getIndexInfo(cat, schema, "jd_orders", false, true)), () -> rows(m.getImportedKeys(cat, schema, "jd_orders")), () -> rows(m.getExportedKeys(cat, schema, "jd_people")),
            () -> rows(m.getCrossReference(cat, schema, "jd_people", cat, schema, "jd_orders")), () -> rows(m.getBestRowIdentifier(cat, schema, "jd_people", DatabaseMetaData.bestRowSession, true)),
            () -> rows(m.getVersionColumns(cat, schema, "jd_people")), () -> rows(m.getProcedures(cat, schema, "jd%")), () -> rows(m.getProcedureColumns(cat, schema, "jd%", "%")),
            () -> rows(m.getFunctions(cat, schema, "jd%")), () -> rows(m.getFunctionColumns(cat, schema, "jd%", "%")), () -> rows(m.getTablePrivileges(cat, schema, "jd%")),
            () -> rows(m.getColumnPrivileges(cat, schema, "jd_people", "%")), () -> { sorted = true; try { rows(m.getTypeInfo()); } finally { sorted = false; } }, () -> rows(m.getUDTs(cat, schema, "%", null)), () -> rows(m.getClientInfoProperties()),
            () -> rows(m.getTables(cat, schema, "jd\\_people", new String[] {"TABLE"})), () -> rows(m.getColumns(cat, schema, "jd_p'eople", "na%")),
        };
        for (int i = 0; i < asks.length; i++) {
            print("metadata", i);
            attempt(asks[i]);
        }
    }

    static final String[] PG = {
        "set client_min_messages = error; drop schema if exists jd cascade", "create schema jd", "create type jd.mood as enum ('good', 'bad')",
        "create table jd.jd_people (id serial primary key, name varchar(60) not null, email text unique, mood jd.mood, tags text[], doc jsonb, pay numeric(10,2) default 1.5)",
        "comment on column jd.jd_people.name is 'a name'", "create table jd.jd_orders (id bigserial primary key, person int references jd.jd_people on delete cascade, note text, at timestamptz default now())",
        "create index jd_orders_note on jd.jd_orders (note, at desc)", "create view jd.jd_view as select id, name from jd.jd_people", "create function jd.jd_f(a int, out b int, out c text) language sql as 'select a + 1, a::text'",
        "create procedure jd.jd_p(inout a int) language plpgsql as 'begin a := a + 1; end'", "insert into jd.jd_people (name, email) select 'P ' || g, 'p' || g || '@shop.example' from generate_series(1, 300) g",
    };
    static final String[] MY = {
        "drop table if exists jd_orders", "drop table if exists jd_people", "drop view if exists jd_view", "drop procedure if exists jd_p", "drop function if exists jd_f",
        "create table jd_people (id int auto_increment primary key, name varchar(60) not null comment 'a name', email varchar(80) unique, mood enum('good','bad'), doc json, pay decimal(10,2) default 1.5)",
        "create table jd_orders (id bigint auto_increment primary key, person int, note varchar(80), at timestamp default current_timestamp, key jd_orders_note (note, at), foreign key (person) references jd_people (id) on delete cascade)",
        "create view jd_view as select id, name from jd_people", "create procedure jd_p(inout a int, in b int, out c varchar(20)) begin set a = a + b; set c = 'out'; select a, b; select c; end",
        "create function jd_f(a int) returns int deterministic return a + 1", "insert into jd_people (name, email) select concat('P ', seq), concat('p', seq, '@shop.example') from seq_1_to_300",
    };

    static void keys(Connection c) throws Exception {
        String table = pg ? "jd.jd_people" : "jd_people";
        try (PreparedStatement p = c.prepareStatement("insert into " + table + " (name) values (?)", Statement.RETURN_GENERATED_KEYS)) {
            for (int i = 0; i < 3; i++) { p.setString(1, "generated " + i); p.addBatch(); }
            print(p.executeBatch());
            ResultSet r = p.getGeneratedKeys();
            while (r.next()) print("key", r.getInt(1));
        }
        query(c, "delete from " + table + " where name like 'generated%'");
        if (pg && c.getMetaData().getURL().contains("=simple")) return; // the driver has no OUT parameters there
        try (CallableStatement s = c.prepareCall(pg ? "{call jd.jd_f(?, ?, ?)}" : "{call jd_p(?, ?, ?)}")) {
            for (int i = 0; i < 7; i++) {
                s.setInt(1, i);
                if (pg) { s.registerOutParameter(2, Types.INTEGER); } else { s.setInt(2, 5); s.registerOutParameter(1, Types.INTEGER); }
                s.registerOutParameter(3, Types.VARCHAR);
                s.execute();
                print("out", s.getObject(pg ? 2 : 1), s.getObject(3));
            }
        }
        attempt(() -> {
            try (CallableStatement s = c.prepareCall(pg ? "{? = call jd.jd_f(?)}" : "{? = call jd_f(?)}")) {
                s.registerOutParameter(1, Types.INTEGER);
                s.setInt(2, 41);
                s.execute();
                print("function", s.getObject(1));
            }
        });
    }

    static void postgres(Connection c) throws Exception {
        org.postgresql.PGConnection p = c.unwrap(org.postgresql.PGConnection.class);
        org.postgresql.copy.CopyManager copy = p.getCopyAPI();
        query(c, "create temp table cp (id int, name text)");
        StringBuilder in = new StringBuilder();
        for (int i = 0; i < 5000; i++) in.append(i).append("\tname ").append(i).append('\n');
        print("copied", copy.copyIn("copy cp from stdin", new StringReader(in.toString())));
        attempt(() -> {
            try { copy.copyIn("copy cp from stdin", new ByteArrayInputStream("bad\tdata\n".getBytes())); } catch (java.io.IOException e) { print(e); }
        });
        for (String f : new String[] {"", "(format csv, header)", "(format binary)"}) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            print("copied", copy.copyOut("copy cp to stdout " + f, out), out.size());
        }
        query(c, "select count(*) from cp");
        query(c, "listen ch");
        query(c, "notify ch, 'one'");
        for (org.postgresql.PGNotification n : p.getNotifications(2000)) print("heard", n.getName(), n.getParameter());
        c.setAutoCommit(false);
        org.postgresql.largeobject.LargeObjectManager lm = p.getLargeObjectAPI();
        long oid = lm.createLO();
        org.postgresql.largeobject.LargeObject o = lm.open(oid);
        byte[] block = new byte[70_000];
        Arrays.fill(block, (byte) 7);
        for (int i = 0; i < 5; i++) o.write(block);
        o.seek(10);
        print("large", o.read(100_000).length, o.tell(), o.size());
        o.truncate(11);
        print(o.size());
        o.close();
        lm.delete(oid);
        c.commit();
        c.setAutoCommit(true);
        try (PreparedStatement s = c.prepareStatement("select * from unnest(?::int[]) u where u = any (?)")) {
            for (int i = 0; i < 7; i++) {
                s.setArray(1, c.createArrayOf("int4", new Object[] {1, 2, null, i}));
                s.setArray(2, c.createArrayOf("int4", new Object[] {i, 2}));
                rows(s.executeQuery());
            }
        }
        query(c, "select '{1,2}'::int[], '(1,2)'::point, '{\"a\": 1}'::jsonb, 'good'::jd.mood, '1 day 2 hours'::interval, 'infinity'::timestamptz, '1.2.3.0/24'::cidr, gen_random_uuid() is null");
        query(c, "do $$ begin raise notice 'hello'; raise warning 'careful'; end $$");
        // The plan of a kept statement changes under it.
        try (PreparedStatement s = c.prepareStatement("select * from cp where id < 2 order by id")) {
            for (int i = 0; i < 7; i++) s.executeQuery().close();
            query(c, "alter table cp add more int default 7");
            attempt(() -> rows(s.executeQuery()));
        }
    }

    public static void main(String[] args) throws Exception {
        pg = args[0].equals("postgresql");
        boolean tls = args[3].equals("require");
        Locale.setDefault(Locale.ROOT);
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        if (pg) {
            user = "postgres";
            url = "jdbc:postgresql://" + args[1] + ":" + args[2] + "/app?sslmode=" + args[3];
        } else {
            url = "jdbc:mariadb://" + args[1] + ":" + args[2] + "/app?sslMode=" + (tls ? "trust" : "disable") + "&useSsl=" + tls + "&trustServerCertificate=true";
        }
        String[] kinds = pg
            ? new String[] {"", "&reWriteBatchedInserts=true&defaultRowFetchSize=50", "&prepareThreshold=1&binaryTransfer=true", "&preferQueryMode=simple", "&preferQueryMode=extendedForPrepared&ApplicationName=shop"}
            : new String[] {"", "&rewriteBatchedStatements=true&allowMultiQueries=true", "&useServerPrepStmts=true&cachePrepStmts=true", "&useServerPrepStmts=true&useBulkStmts=true&allowMultiQueries=true", "&useCompression=true"};
        try (Connection c = connect("")) {
            for (String sql : pg ? PG : MY) query(c, sql);
        }
        for (String kind : kinds) {
            print("==", kind);
            try (Connection c = connect(kind)) {
                common(c);
                metadata(c);
                keys(c);
                if (pg && !kind.contains("simple")) postgres(c);
            }
        }
        try (Connection c = connect("")) {
            if (pg) query(c, "set client_min_messages = error; drop schema jd cascade"); else for (int i = 0; i < 5; i++) query(c, MY[i]);
        }
        print("done");
    }
}
