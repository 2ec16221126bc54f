# What ruby-pg, mysql2, Sequel and ActiveRecord do on the wire. Arguments:
# postgresql or mariadb, host, port, mode (disable or require). HONEY=1: only what
# finds the honey row.
require 'pg'
require 'mysql2'
require 'sequel'
require 'active_record'
require 'json'
$stdout.sync = true
KIND, HOST, PORT, MODE = ARGV
PGSQL = KIND == 'postgresql'
TLS = MODE == 'require'
HONEY = 'select * from honey_customers order by id desc'
def line(*a) = puts(a.map { |v| v.is_a?(String) ? v.dup.force_encoding('UTF-8').then { |s| s.valid_encoding? ? s : s.unpack1('H*') } : v.inspect }.join('|').gsub(/\b#{PORT}\b/, 'PORT'))

def tell
  yield.tap { |r| line(*r) if r.is_a?(Array) }
rescue PG::Error, Mysql2::Error, Sequel::Error, ActiveRecord::ActiveRecordError => e
  line('error', e.class, e.message.lines.first.strip)
end

def play_pg
  c = PG.connect(host: HOST, port: PORT, user: 'postgres', dbname: 'app', sslmode: MODE)
  return c.exec(HONEY).each { |r| line(*r.values) } if ENV['HONEY']
  c.set_notice_processor { |m| line('notice', m.strip) }
  c.type_map_for_results = PG::BasicTypeMapForResults.new(c)
  c.exec('create temp table t (id int primary key, name text, n numeric, at timestamptz, raw bytea, tags text[], doc jsonb)')
  c.prepare('ins', 'insert into t values ($1, $2, $3, $4, $5, $6, $7)')
  200.times { |i| c.exec_prepared('ins', [i, "Zoë #{i}", i / 4r.to_f, '2026-01-02 03:04:05+00', { value: "\0#{i}\xff", format: 1 }, '{a,b}', { k: i }.to_json]) }
  [0, 1].each { |f| r = c.exec_params('select * from t where id < $1 order by id', [5], f); line(*r.fields, *r.nfields.times.map { |i| r.ftype(i) }); r.each { |x| line(*x.values) } }
  line(*c.describe_prepared('ins').nparams.times.map { |i| c.describe_prepared('ins').paramtype(i) })
  ['select nosuch', 'select 1/0', 'insert into t (id) values (1)', 'select * from nosuch'].each { |q| tell { c.exec(q); nil } }
  c.transaction { c.exec("update t set name = 'x' where id = 3"); raise PG::RollbackTransaction } rescue line('rolled back')
  c.transaction { |x| x.exec('savepoint s'); tell { x.exec('select 1/0') }; x.exec('rollback to s'); line(x.transaction_status) }
  c.copy_data('copy t (id, name) from stdin') { 500.times { |i| c.put_copy_data("#{1000 + i}\tcopied\n") } }
  tell { c.copy_data('copy t (id, name) from stdin') { raise PG::Error, 'the client gives up' } }
  n = 0
  c.copy_data('copy t to stdout (format csv)') { n += 1 while c.get_copy_data }
  line('copied', n)
  c.copy_data('copy (select id, name from t where id < 3 order by id) to stdout', PG::TextDecoder::CopyRow.new) { while (r = c.get_copy_data) do line(*r) end }
  c.send_query('select 1 as a; select 2 as b; select nosuch')
  while (r = c.get_result) do line(r.result_status, r.error_field(PG::PG_DIAG_SQLSTATE)) end
  c.send_query_params('select g from generate_series(1, 3000) g where g > $1', [5])
  c.set_single_row_mode
  n = 0
  c.get_result.stream_each { n += 1 }
  c.get_last_result
  line('single rows', n)
  if c.respond_to?(:enter_pipeline_mode)
    c.enter_pipeline_mode
    20.times { |i| c.send_query_params('select $1::int * 2 as n', [i]) }
    c.send_query_params('select nosuch', [])
    c.send_query_params('select 1', [])
    c.pipeline_sync
    loop { r = c.get_result; next if r.nil?; line(r.result_status); break if r.result_status == PG::PGRES_PIPELINE_SYNC }
    c.exit_pipeline_mode
  end
  c.exec("listen ch; notify ch, 'payload'")
  c.wait_for_notify(2) { |ch, _, p| line(ch, p) }
  c.exec("do $$ begin raise notice 'hello'; raise warning 'look'; end $$")
  c.send_query('select pg_sleep(20)')
  sleep 0.3
  c.cancel
  tell { c.get_last_result }
  c.transaction { oid = c.lo_creat; fd = c.lo_open(oid, PG::INV_WRITE | PG::INV_READ); line(c.lo_write(fd, 'large' * 20_000)); c.lo_lseek(fd, 0, 0); line(c.lo_read(fd, 12)); c.lo_close(fd); c.lo_unlink(oid) }
  line(c.exec_params('select length($1), $1::text', ['z' * 2_000_000]).getvalue(0, 0), c.server_version > 90_000, c.parameter_status('TimeZone'), c.internal_encoding)
  c.reset
  line(c.exec('select 1').getvalue(0, 0))
  c.close
end

def play_mysql(**more)
  tls = TLS ? { sslca: ENV['CA'], sslverify: false, ssl_mode: :required } : {}
  c = Mysql2::Client.new(host: HOST, port: PORT.to_i, username: 'app', password: 'secret', database: 'app', encoding: 'utf8mb4', flags: Mysql2::Client::MULTI_STATEMENTS, **tls, **more)
  return c.query(HONEY).each { |r| line(*r.values) } if ENV['HONEY']
  line('==', more)
  c.query('create temporary table t (id int primary key auto_increment, name varchar(90), n decimal(10,3), at datetime(6), raw blob, doc json, yes bool, f double, b bit(9), y year, d date, ti time)')
  s = c.prepare('insert into t (name, n, at, raw, doc, yes, f, b, y, d, ti) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  200.times { |i| s.execute("Zoë #{i}", BigDecimal(i) / 4, Time.utc(2026, 1, 2, 3, 4, 5, 678), "\0#{i}\xff".b, { k: i }.to_json, i.odd?, i / 7.0, 5, 2026, Date.new(2026, 1, 2), '11:12:13') }
  line(s.last_id, s.affected_rows, s.param_count, c.last_id)
  c.query('select * from t where id < 4').each { |r| line(*r.values) }
  c.query('select * from t where id < 4', as: :array, cast: false).each { |r| line(*r) }
  c.prepare('select * from t where id < ? and name like ?').execute(4, 'Zo%', as: :array).each { |r| line(*r) }
  c.query('select seq, name from seq_1_to_3000 left join t on t.id = seq', stream: true, cache_rows: false).inject(0) { |n, _| n + 1 }.then { |n| line('streamed', n) }
  c.query('select 1 as a; select 2 as b; select 3 as c').each { |r| line(r) }
  line(c.store_result.to_a) while c.next_result
  ['select nosuch', 'insert into t (id) values (1)', 'select * from nosuch', 'insert into t (id) values (1)'].each { |q| tell { c.query(q) } }
  tell { c.prepare('select nosuch from t where id = ?') }
  line(c.escape("it's \\ o"), c.server_info[:version], c.info[:id] > 0, c.ping, c.query_info, c.warning_count)
  c.query('begin; update t set name = 9 where id < 9'); c.next_result; c.query('rollback')
  c.query('select sleep(0.1), 4', async: true)
  line(c.async_result.to_a)
  c.select_db('other'); line(c.query('select database()').to_a); c.select_db('app')
  c.query('drop procedure if exists rb_p'); c.query('create procedure rb_p(k int) begin select k; select k + 1 as l; end')
  c.query('call rb_p(4)').each { |r| line(r) }
  line(c.store_result&.to_a) while c.next_result
  c.query('drop procedure rb_p')
  line(c.query("select repeat('y', 2000000) as y").first['y'].size)
  s.close
  c.close
end

def play_sequel
  url = { adapter: PGSQL ? 'postgres' : 'mysql2', host: HOST, port: PORT, user: PGSQL ? 'postgres' : 'app', password: 'secret', database: 'app', sslmode: (PGSQL ? MODE : nil) }.compact
  url.merge!(sslca: ENV['CA'], sslverify: false) if TLS && !PGSQL
  db = Sequel.connect(url)
  line('== Sequel')
  db.drop_table?(:sq_albums, :sq_artists)
  db.create_table(:sq_artists) { primary_key :id; String :name, null: false, unique: true; BigDecimal :pay, size: [10, 2]; DateTime :at }
  db.create_table(:sq_albums) { primary_key :id; foreign_key :artist_id, :sq_artists, on_delete: :cascade; String :title, text: true; index %i[artist_id id] }
  artist = Class.new(Sequel::Model(db[:sq_artists])) { one_to_many :albums, class: 'SqAlbum', key: :artist_id }
  Object.send(:remove_const, :SqAlbum) if defined?(SqAlbum)
  Object.const_set(:SqAlbum, Class.new(Sequel::Model(db[:sq_albums])) { many_to_one :artist, class: artist, key: :artist_id })
  ids = 5.times.map { |i| artist.create(name: "Zoë #{i}", pay: i * 1.5, at: Time.utc(2026)).id }
  db[:sq_albums].multi_insert(100.times.map { |i| { artist_id: ids[i % 5], title: "t'#{i}" } })
  db[:sq_albums].import(%i[artist_id title], 40.times.map { |i| [ids[0], "im #{i}"] }, slice: 15)
  artist.eager(:albums).order(:id).all.each { |a| line(a.name, a.albums.size) }
  db[:sq_albums].join(:sq_artists, id: :artist_id).where(Sequel.like(:title, 't%')).select_group(:name).select_append { count(:title).as(c) }.order(:name).each { |r| line(r) }
  line(db.tables.sort.grep(/sq_/), db.schema(:sq_albums).map { |n, s| [n, s[:db_type], s[:primary_key]] }, db.indexes(:sq_albums).keys.sort, db.foreign_key_list(:sq_albums).map { |f| f.slice(:columns, :table, :key) })
  db.transaction(isolation: :serializable) { db[:sq_artists].where(id: ids[0]).for_update.first; db.transaction(savepoint: true) { db[:sq_artists].insert(name: 'gone'); raise Sequel::Rollback } }
  tell { artist.create(name: 'Zoë 1'); nil }
  line(db[:sq_artists].where(id: ids).where { pay > 1 }.order(:pay).limit(2, 1).map(:name), db[:sq_albums].where(id: db[:sq_albums].select(:id).where(artist_id: ids[1])).count)
  ps = db[:sq_artists].where(name: :$n).prepare(:first, :by_name)
  2.times { line(ps.call(n: 'Zoë 2')&.fetch(:name)) }
  line(db[:sq_albums].order(:id).paged_each(rows_per_fetch: 30).inject(0) { |n, _| n + 1 }) if PGSQL
  db[:sq_artists].where(name: 'Zoë 4').delete
  line(db[:sq_artists].insert_conflict.insert(name: 'Zoë 1', pay: 3) && db[:sq_artists].count) if PGSQL
  line(db.test_connection)
  db.drop_table(:sq_albums, :sq_artists)
  db.disconnect
end

def play_active_record
  at = { adapter: PGSQL ? 'postgresql' : 'mysql2', host: HOST, port: PORT.to_i, username: PGSQL ? 'postgres' : 'app', password: 'secret', database: 'app', sslmode: (PGSQL ? MODE : nil) }.compact
  at.merge!(sslca: ENV['CA'], sslverify: false) if TLS && !PGSQL
  [true, false].each do |prepared|
    line('== ActiveRecord', prepared)
    ActiveRecord::Base.establish_connection(at.merge(prepared_statements: prepared))
    c = ActiveRecord::Base.connection
    ActiveRecord::Migration.verbose = false
    ActiveRecord::Schema.define do
      drop_table :ar_books, if_exists: true
      drop_table :ar_people, if_exists: true
      create_table(:ar_people) { |t| t.string :name, null: false, index: { unique: true }; t.decimal :pay, precision: 10, scale: 2; t.json :doc; t.boolean :yes, default: true; t.timestamps }
      create_table(:ar_books) { |t| t.references :person, foreign_key: { to_table: :ar_people }; t.text :title; t.integer :year }
      add_column :ar_books, :isbn, :string, limit: 20
      add_index :ar_books, %i[year isbn]
      change_column_null :ar_books, :title, true
    end
    ActiveRecord::Base.descendants.each(&:reset_column_information)
    Object.const_set(:ArPerson, Class.new(ActiveRecord::Base) { self.table_name = 'ar_people'; has_many :books, class_name: 'ArBook', foreign_key: :person_id; validates :name, uniqueness: true }) unless defined?(ArPerson)
    Object.const_set(:ArBook, Class.new(ActiveRecord::Base) { self.table_name = 'ar_books'; belongs_to :person, class_name: 'ArPerson' }) unless defined?(ArBook)
    t = Time.utc(2026)
    people = 6.times.map { |i| ArPerson.create!(name: "Zoë #{i}", pay: i * 2.5, doc: PGSQL ? { k: i } : { k: i }.to_json, created_at: t, updated_at: t) }
    ArBook.insert_all(90.times.map { |i| { person_id: people[i % 6].id, title: "b'#{i}", year: 1990 + i % 7 } })
    ArPerson.includes(:books).where('pay > ?', 1).order(:name).each { |p| line(p.name, p.books.size) }
    line(ArBook.joins(:person).where(ar_people: { name: ['Zoë 1', 'Zoë 2'] }).group(:year).order(:year).count, ArBook.where(year: 1991..1993).or(ArBook.where(title: nil)).count, ArPerson.eager_load(:books).where.not(ar_books: { year: 1990 }).distinct.count)
    line(ArPerson.find_by(name: 'Zoë 3')&.pay, ArPerson.exists?(name: 'nobody'), ArBook.pluck(:year).tally.sort, ArPerson.average(:pay), ArBook.maximum(:year), ArPerson.where('name like ?', 'Zoë%').limit(2).offset(1).ids.size)
    tell { ArPerson.create!(name: 'Zoë 1'); nil }
    tell { ArPerson.new(name: 'Zoë 1').save!(validate: false); nil }
    tell { ArPerson.find(0); nil }
    ArPerson.transaction { people[0].lock!; people[0].update!(name: 'renamed', updated_at: t); ArPerson.transaction(requires_new: true) { people[1].destroy!; raise ActiveRecord::Rollback } rescue line('kept') }
    ArBook.in_batches(of: 25) { |b| line(b.update_all('year = year + 1')) }
    ArBook.find_each(batch_size: 40).inject(0) { |n, _| n + 1 }.then { |n| line(n) }
    ArPerson.upsert_all([{ id: people[2].id, name: 'upserted', created_at: t, updated_at: t }]) 
    line(c.tables.grep(/^ar_b|^ar_p/).sort, c.columns('ar_people').map { |x| [x.name, x.sql_type, x.null] }, c.indexes('ar_books').map(&:columns).sort, c.foreign_keys('ar_books').map(&:column), c.primary_key('ar_books'), c.table_exists?('nosuch'), c.views)
    line(ArPerson.where(name: 'Zoë 5').explain.lines.size.positive?)
    s = StringIO.new
    ActiveRecord::SchemaDumper.ignore_tables = [/^(?!ar_)/]
    ActiveRecord::SchemaDumper.dump(ActiveRecord::Base.connection, s)
    line(*s.string.lines.map(&:strip).grep(/t\.|create_table|foreign/))
    line(c.supports_advisory_locks? && c.get_advisory_lock(PGSQL ? 4711 : 'ar_lock'), c.supports_advisory_locks? && c.release_advisory_lock(PGSQL ? 4711 : 'ar_lock'))
    c.drop_table(:ar_books); c.drop_table(:ar_people); c.drop_table(:schema_migrations, if_exists: true); c.drop_table(:ar_internal_metadata, if_exists: true)
    ActiveRecord::Base.remove_connection
  end
end

PGSQL ? play_pg : play_mysql
unless ENV['HONEY']
  play_mysql(reconnect: true, found_rows: true) unless PGSQL
  play_sequel
  play_active_record
end
puts 'done'
