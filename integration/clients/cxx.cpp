// What libpqxx and MariaDB's connector for C do on the wire, in C++. Arguments:
// postgresql or mariadb, host, port, mode (disable or require). HONEY=1: only what
// finds the honey row.
#include <mysql.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <pqxx/pqxx>
#include <string>
#include <vector>

static std::string port;

static void line(std::string s) {
    for (size_t at; (at = s.find(port)) != s.npos;) s.replace(at, port.size(), "PORT");
    std::cout << s << '\n';
}

// PostgreSQL

static void rows(const pqxx::result &r) {
    std::string head;
    for (pqxx::row::size_type c = 0; c < r.columns(); c++)
        head += std::string(r.column_name(c)) + ":" + std::to_string(r.column_type(c)) + ":" + (r.column_table(c) ? "table" : "-") + " ";
    line(head);
    int n = 0;
    for (const auto &row : r) {
        if (n++ > 8) break;
        std::string s;
        for (const auto &f : row) s += (f.is_null() ? std::string("NULL") : f.as<std::string>()) + "|";
        line(s);
    }
    line(std::to_string(r.size()) + " rows, " + std::to_string(r.affected_rows()) + " affected");
}

static void fails(const std::function<void()> &f) {
    try { f(); line("no error"); }
    catch (const pqxx::sql_error &e) { line("error " + e.sqlstate() + " " + e.what()); }
    catch (const std::exception &e) { line(std::string("error ") + e.what()); }
}

struct heard : pqxx::notification_receiver {
    using pqxx::notification_receiver::notification_receiver;
    void operator()(const std::string &payload, int) override { line(channel() + " heard " + payload); }
};

static void postgresql(const std::string &host, const std::string &mode) {
    pqxx::connection c("host=" + host + " port=" + port + " user=postgres dbname=app sslmode=" + mode);
    if (getenv("HONEY")) { pqxx::nontransaction w(c); rows(w.exec("select * from honey_customers order by id desc")); return; }
    {
        pqxx::work w(c);
        w.exec("create temporary table px (id int primary key, name text, pay numeric(10,2), raw bytea, tags text[])");
        pqxx::stream_to out(w, "px", std::vector<std::string>{"id", "name", "pay"});
        for (int i = 0; i < 3000; i++) out << std::make_tuple(i, "Zo\xc3\xab'\t\\" + std::to_string(i), i / 4.0);
        out.complete();
        w.commit();
    }
    {
        pqxx::work w(c);
        int n = 0; long sum = 0;
        pqxx::stream_from in(w, "px", std::vector<std::string>{"id", "name"});
        for (std::tuple<int, std::string> t; in >> t; n++) sum += std::get<0>(t) + std::get<1>(t).size();
        in.complete();
        line(std::to_string(n) + " " + std::to_string(sum));
        rows(w.exec_params("select id, name, pay, $3::text as given from px where id between $1 and $2 and (pay > 0 or tags is null) order by id", 5, 9, "it's"));
        c.prepare("one", "select name from px where id = $1");
        for (int i = 0; i < 4; i++) line(w.exec_prepared1("one", i)[0].as<std::string>());
        rows(w.exec("insert into px (id, raw, tags) values (9000, '\\x00ff', '{a,NULL}') returning *"));
        rows(w.exec("select 1 as a; select 2 as b"));
        pqxx::subtransaction s(w, "inner");
        fails([&] { s.exec("select nosuch from px"); });
        s.abort();
        line(w.quote("it's \\ o") + w.quote_name("a\"b") + w.esc_raw(std::string("\0\xff", 2)));
        w.commit();
    }
    {
        pqxx::work w(c);
        pqxx::icursorstream cur(w, "select id from px order by id", "cur", 700);
        pqxx::result r; int got = 0;
        while (cur >> r) got += r.size();
        line(std::to_string(got));
        pqxx::stateless_cursor<pqxx::cursor_base::read_only, pqxx::cursor_base::owned> sc(w, "select name from px order by id", "sc", false);
        rows(sc.retrieve(10, 13)); line(std::to_string(sc.size()));
        pqxx::pipeline p(w);
        std::vector<pqxx::pipeline::query_id> ids;
        for (int i = 0; i < 60; i++) ids.push_back(p.insert("select name from px where id = " + std::to_string(i)));
        for (auto id : ids) got += p.retrieve(id).size();
        line(std::to_string(got)); p.complete();
        pqxx::largeobjectaccess lo(w);
        lo.write(std::string(100000, 'L')); lo.seek(5, std::ios::beg); std::string buf(10, ' ');
        line(std::to_string(lo.read(&buf[0], 10)) + buf); lo.remove(w);
        w.commit();
    }
    fails([&] { pqxx::work w(c); w.exec("insert into px (id) values (1)"); });
    fails([&] { pqxx::work w(c); w.exec_params("select 1 / $1::int", 0); });
    heard h(c, "ch");
    { pqxx::work w(c); w.exec("notify ch, 'payload'"); w.commit(); }
    c.await_notification();
    pqxx::robusttransaction<pqxx::serializable> r(c); rows(r.exec("select count(*) from px")); r.commit();
    pqxx::nontransaction w(c);
    w.exec("set statement_timeout = 300"); fails([&] { w.exec("select pg_sleep(30)"); });
    line(c.get_variable("server_encoding") + " " + std::to_string(c.protocol_version()) + " " + std::to_string(c.server_version() / 10000));
}

// MariaDB

static void must(MYSQL *c, int rc, const char *what) {
    if (rc) { line(std::string(what) + ": " + mysql_error(c)); exit(1); }
}

static void shown(MYSQL *c, MYSQL_RES *r) {
    if (!r) { line("affected " + std::to_string((long)mysql_affected_rows(c)) + " id " + std::to_string(mysql_insert_id(c)) + " warnings " + std::to_string(mysql_warning_count(c)) + " " + (mysql_info(c) ? mysql_info(c) : "")); return; }
    std::string head;
    MYSQL_FIELD *f;
    while ((f = mysql_fetch_field(r))) head += std::string(f->name) + ":" + f->org_table + ":" + std::to_string(f->type) + ":" + std::to_string(f->flags) + " ";
    line(head);
    long n = 0;
    for (MYSQL_ROW row; (row = mysql_fetch_row(r)); n++) {
        if (n > 8) continue;
        unsigned long *len = mysql_fetch_lengths(r); std::string s;
        for (unsigned i = 0; i < mysql_num_fields(r); i++) s += (row[i] ? std::string(row[i], std::min(len[i], 200ul)) : "NULL") + "|";
        line(s);
    }
    line(std::to_string(n) + " rows"); mysql_free_result(r);
}

static void ask(MYSQL *c, const std::string &sql, bool use = false) {
    if (mysql_real_query(c, sql.data(), sql.size())) { line("error " + std::to_string(mysql_errno(c)) + " " + mysql_sqlstate(c) + " " + mysql_error(c)); return; }
    int more;
    do { shown(c, use ? mysql_use_result(c) : mysql_store_result(c)); } while ((more = mysql_next_result(c)) == 0);
    if (more > 0) line(std::string("then ") + mysql_error(c));
}

static void prepared(MYSQL *c, unsigned long cursor) {
    MYSQL_STMT *s = mysql_stmt_init(c);
    const char sql[] = "select id, name, pay from cx where id > ? and name like ? order by id";
    must(c, mysql_stmt_attr_set(s, STMT_ATTR_CURSOR_TYPE, &cursor), "cursor");
    unsigned long portion = 50; mysql_stmt_attr_set(s, STMT_ATTR_PREFETCH_ROWS, &portion);
    must(c, mysql_stmt_prepare(s, sql, sizeof sql - 1), "prepare");
    int from = 3; char like[] = "Zo%"; unsigned long n = 3;
    MYSQL_BIND in[2] = {}, out[3] = {};
    in[0].buffer_type = MYSQL_TYPE_LONG; in[0].buffer = &from; in[1].buffer_type = MYSQL_TYPE_STRING; in[1].buffer = like; in[1].buffer_length = 3; in[1].length = &n;
    int id; char name[90], pay[30]; unsigned long ln, lp;
    out[0].buffer_type = MYSQL_TYPE_LONG; out[0].buffer = &id; out[1].buffer_type = out[2].buffer_type = MYSQL_TYPE_STRING;
    out[1].buffer = name; out[1].buffer_length = sizeof name; out[1].length = &ln; out[2].buffer = pay; out[2].buffer_length = sizeof pay; out[2].length = &lp;
    mysql_stmt_bind_param(s, in);
    for (int k = 0; k < 3; k++) {
        from = 3 + k; must(c, mysql_stmt_execute(s), "execute"); mysql_stmt_bind_result(s, out);
        if (!cursor) mysql_stmt_store_result(s);
        long sum = 0, rows = 0; while (mysql_stmt_fetch(s) == 0) { sum += id + ln + lp; rows++; }
        line(std::to_string(rows) + " " + std::to_string(sum)); mysql_stmt_free_result(s); mysql_stmt_reset(s);
    }
    mysql_stmt_close(s);
}

// bulk sends all of 200 rows in one execution (MariaDB's own command).
static void bulk(MYSQL *c) {
    MYSQL_STMT *s = mysql_stmt_init(c);
    const char sql[] = "insert into cx (id, name, pay) values (?, ?, 1)";
    must(c, mysql_stmt_prepare(s, sql, sizeof sql - 1), "prepare");
    unsigned int n = 200; std::vector<int> ids; std::vector<std::string> names; std::vector<char *> at; std::vector<unsigned long> len;
    for (unsigned i = 0; i < n; i++) { ids.push_back(5000 + i); names.push_back("bulk" + std::to_string(i)); }
    for (auto &x : names) { at.push_back(&x[0]); len.push_back(x.size()); }
    MYSQL_BIND in[2] = {}; in[0].buffer_type = MYSQL_TYPE_LONG; in[0].buffer = ids.data(); in[1].buffer_type = MYSQL_TYPE_STRING; in[1].buffer = at.data(); in[1].length = len.data();
    mysql_stmt_attr_set(s, STMT_ATTR_ARRAY_SIZE, &n); mysql_stmt_bind_param(s, in);
    int rc = mysql_stmt_execute(s); line(std::to_string(rc) + " " + mysql_stmt_error(s) + " " + std::to_string((long)mysql_stmt_affected_rows(s))); mysql_stmt_close(s);
}

static void mariadb(const std::string &host, const std::string &mode) {
    MYSQL *c = mysql_init(nullptr);
    my_bool tls = mode == "require", off = 0; unsigned int local = 1;
    if (tls) { mysql_options(c, MYSQL_OPT_SSL_ENFORCE, &tls); mysql_options(c, MYSQL_OPT_SSL_CA, getenv("CA")); mysql_options(c, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &off); }
    mysql_options(c, MYSQL_SET_CHARSET_NAME, "utf8mb4"); mysql_options(c, MYSQL_OPT_LOCAL_INFILE, &local);
    if (!mysql_real_connect(c, host.c_str(), "app", "secret", "app", atoi(port.c_str()), nullptr, CLIENT_MULTI_STATEMENTS)) { line(mysql_error(c)); exit(1); }
    if (getenv("HONEY")) { ask(c, "select * from honey_customers order by id desc"); mysql_close(c); return; }
    ask(c, "create temporary table cx (id int primary key, name varchar(90), pay decimal(10,2), raw blob)");
    ask(c, "insert into cx select seq, concat('Zo\xc3\xab\\'', seq), seq / 4, char(seq % 256) from seq_1_to_1000");
    ask(c, "select * from cx where id < 5 or name = 'x' order by id"); ask(c, "select id, name from cx order by id", true);
    ask(c, "select 1 as a; select 2 as b; select nosuch; select 3"); ask(c, "select * from nosuch");
    ask(c, "insert into cx (id) values (1)"); ask(c, "select cast('x' as int) as n"); ask(c, "show warnings");
    prepared(c, CURSOR_TYPE_NO_CURSOR); prepared(c, CURSOR_TYPE_READ_ONLY); bulk(c);
    ask(c, "create procedure cx_p(inout k int) begin select k; set k = k + 1; select k * 2; end"); ask(c, "set @k = 4; call cx_p(@k); select @k"); ask(c, "drop procedure cx_p");
    must(c, mysql_autocommit(c, 0), "autocommit"); ask(c, "delete from cx"); must(c, mysql_rollback(c), "rollback"); mysql_autocommit(c, 1);
    char quoted[40]; mysql_real_escape_string(c, quoted, "it's \\ o", 8); line(quoted);
    shown(c, mysql_list_tables(c, "nosuch%")); shown(c, mysql_list_dbs(c, "app"));
    if (MYSQL_RES *r = mysql_list_fields(c, "cx", "%")) shown(c, r); else line(mysql_error(c));
    must(c, mysql_ping(c), "ping"); must(c, mysql_select_db(c, "other"), "use"); ask(c, "select database()");
    must(c, mysql_change_user(c, "app", "secret", "app"), "change user"); must(c, mysql_reset_connection(c), "reset"); must(c, mysql_set_server_option(c, MYSQL_OPTION_MULTI_STATEMENTS_OFF), "option"); ask(c, "select 1; select 2");
    line(std::string(mysql_get_server_info(c)).find("MariaDB") != std::string::npos ? "MariaDB" : mysql_get_server_info(c)); line(mysql_stat(c) ? "stat" : mysql_error(c));
    mysql_close(c);
}

int main(int, char **a) {
    port = a[3];
    try { std::string(a[1]) == "postgresql" ? postgresql(a[2], a[4]) : mariadb(a[2], a[4]); }
    catch (const std::exception &e) { std::cerr << e.what() << '\n'; return 1; }
    line("done");
}
