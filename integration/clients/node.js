// What node's "pg" (with cursor, query stream and COPY streams) and "postgres"
// do on the wire. Arguments: host, port, ssl (disable or require).
const [host, port, mode] = process.argv.slice(2)
const ssl = mode === 'require' ? { rejectUnauthorized: false } : false
const { Client, Pool } = require('pg')
const Cursor = require('pg-cursor')
const QueryStream = require('pg-query-stream')
const copy = require('pg-copy-streams')
const postgres = require('postgres')
const { pipeline } = require('node:stream/promises')
const { Readable, Writable } = require('node:stream')
const print = (...a) => console.log(...a.map((x) => JSON.stringify(x)))
const tell = (e) => print('error', e.code, e.message, e.position, e.constraint, e.detail)

async function pg() {
  const c = new Client({ host, port, ssl, user: 'postgres', database: 'app' })
  await c.connect()
  const notices = []
  c.on('notice', (n) => notices.push(n.message))
  await c.query('create temp table t (id int primary key, name text, doc jsonb, raw bytea, n numeric, at timestamptz, tags text[])')
  await c.query('insert into t values ($1, $2, $3, $4, $5, $6, $7)', [1, 'Zoë', { a: [1, null] }, Buffer.from([0, 255]), '12.340', new Date(0), ['x', null]])
  print((await c.query('select * from t where id = $1', [1])).rows)
  print((await c.query({ text: 'select * from t', rowMode: 'array' })).rows)
  print((await c.query({ text: 'select id, raw from t', binary: true })).rows)
  for (let i = 0; i < 5; i++) print((await c.query({ name: 'named', text: 'select $1::int + 1 as n', values: [i] })).rows)
  print((await c.query('select 1 as a; select 2 as b; select 3')).map((r) => r.rows))
  print(await Promise.all([...Array(50).keys()].map((i) => c.query('select $1::text as t', ['v' + i]).then((r) => r.rows[0].t))))
  for (const bad of ['select nosuch', 'selec', 'select 1/0', 'insert into t (id) values (1)']) {
    await c.query(bad).catch(tell)
    await c.query(bad + ' -- $1', ['x']).catch(tell)
  }
  await c.query({ name: 'bad', text: 'select nosuch' }).catch(tell)
  await c.query({ name: 'bad', text: 'select 1 as fine' }).then((r) => print(r.rows)).catch(tell)
  await c.query('begin')
  await c.query('select $1::int', ['no number']).catch(tell)
  await c.query('select 1').catch(tell)
  await c.query('rollback')
  const cur = c.query(new Cursor('select g from generate_series(1, 25) g where g > $1', [3]))
  for (let rows = await cur.read(7); rows.length; rows = await cur.read(7)) print(rows.map((r) => r.g))
  await cur.close()
  const part = c.query(new Cursor('select g from generate_series(1, 25000) g'))
  print(await part.read(2))
  await part.close()
  let sum = 0
  for await (const row of c.query(new QueryStream('select g from generate_series(1, 1000) g', [], { batchSize: 33 }))) sum += row.g
  print(sum)
  await pipeline(Readable.from([...Array(2000).keys()].map((i) => `${i + 10}\tname ${i}\n`)), c.query(copy.from('copy t (id, name) from stdin')))
  await pipeline(Readable.from(['bad\tdata\n']), c.query(copy.from('copy t (id, name) from stdin'))).catch(tell)
  for (const f of ['', '(format csv)', '(format binary)']) {
    let n = 0
    await pipeline(c.query(copy.to('copy (select * from t order by id) to stdout ' + f)), new Writable({ write(b, _, done) { n += b.length; done() } }))
    print('copied', f, n)
  }
  const heard = new Promise((r) => c.on('notification', (m) => r([m.channel, m.payload])))
  await c.query('listen ch')
  await c.query("select pg_notify('ch', 'payload')")
  print(await heard)
  await c.query("do $$ begin raise notice 'hello'; end $$")
  print(notices)
  await c.query({ text: 'select pg_sleep(20)', query_timeout: 300 }).catch((e) => print(e.message))
  const big = 'z'.repeat(3000000)
  const other = new Pool({ host, port, ssl, user: 'postgres', database: 'app', max: 5 })
  print((await other.query('select $1::text as t', [big])).rows[0].t === big)
  print((await Promise.all([...Array(40).keys()].map((i) => other.query('select $1::int * 2 as n', [i])))).map((r) => r.rows[0].n))
  // pg tells of the server's FATAL and then of the closed connection, at any time from here on
  const gone = new Promise((r) => c.on('error', (e) => r(e.code || e.message)))
  await other.query('select pg_terminate_backend($1)', [c.processID])
  print(await gone)
  await other.end()
}

async function postgresjs() {
  const notices = []
  const sql = postgres({ host, port, ssl, user: 'postgres', database: 'app', max: 3, onnotice: (n) => notices.push(n.message) })
  print(await sql`select ${1}::int as a, ${'x'} as b, ${sql.json({ k: 1 })} as c, ${sql.array([1, 2])} as d`)
  print(await sql.unsafe('select 1 as a; select 2 as b'))
  await sql`drop table if exists js`
  await sql`create table js (id int primary key, name text)`
  await sql`insert into js ${sql([...Array(100).keys()].map((i) => ({ id: i, name: 'n' + i })))}`
  print(await Promise.all([...Array(60).keys()].map((i) => sql`select name from js where id = ${i}`.then((r) => r[0].name))))
  print(await sql`select * from js where id < 3`.values(), (await sql`select * from js where id < 3`.raw()).length)
  for await (const rows of sql`select id from js order by id`.cursor(30)) print(rows.length)
  await sql`select nosuch`.catch(tell)
  await sql`insert into js (id) values (1)`.catch(tell)
  print((await sql`select id, name from js`.describe()).columns.map((c) => c.name))
  await sql.begin(async (tx) => {
    await tx`insert into js values (1000, 'tx')`
    await tx.savepoint(async (s) => { await s`select 1/0` }).catch(tell)
    print(await tx`select count(*) from js`)
    throw new Error('roll back')
  }).catch((e) => print(e.message))
  print(await sql.begin((tx) => [tx`select 1 as one`, tx`select 2 as two`]))
  await pipeline(Readable.from(['2000\tcopied\n', '2001\tco', 'pied\n']), await sql`copy js from stdin`.writable())
  let n = 0
  for await (const b of await sql`copy js to stdout`.readable()) n += b.length
  print('copied', n)
  const q = sql`select pg_sleep(20)`.execute()
  setTimeout(() => q.cancel(), 1000)
  await q.catch((e) => print(e.code))
  const heard = new Promise((r) => sql.listen('js', r).then(() => sql.notify('js', 'payload')))
  print(await heard)
  await sql`alter table js add more int default 7`
  print(await sql`select * from js where id < ${2}`)
  await sql`alter table js drop name`
  print(await sql`select * from js where id < ${2}`.catch((e) => e.code))
  await sql`drop table js`
  print(notices)
  await sql.end()
}

pg().then(postgresjs).then(() => print('done')).catch((e) => { console.error(e); process.exit(1) })
