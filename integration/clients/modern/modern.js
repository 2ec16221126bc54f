// What Drizzle, Objection, Kysely, MikroORM and Prisma do on the wire, their
// schema queries among it. Arguments: postgresql or mariadb, host, port, mode (disable
// or require). HONEY=1: only what finds the honey row.
const [kind, host, port, mode] = process.argv.slice(2)
const pg = kind === 'postgresql'
const ssl = mode === 'require' ? { rejectUnauthorized: false } : pg ? false : undefined
const at = { host, port: +port, user: pg ? 'postgres' : 'app', password: 'secret', database: 'app', ssl }
const HONEY = 'select * from honey_customers order by id desc'
const print = (...a) => console.log(...a.map((x) => JSON.stringify(x, (_, v) => (typeof v === 'bigint' ? String(v) : v))?.replaceAll(port, 'PORT')))
const tell = (e) => { const c = e.cause ?? e.nativeError ?? e; print('error', e.constructor.name, e.code ?? c.code ?? c.errno, String(c.message).split('\n').pop()) }
const day = new Date(Date.UTC(2026, 0, 2, 3, 4, 5))
const upTo = (n) => [...Array(n).keys()]

// Both drivers as a pool; query(sql, values) gives the rows.
function open() {
  if (pg) { const { Pool } = require('pg'); const p = new Pool({ ...at, max: 3 }); return { raw: p, query: (s, v) => p.query(s, v).then((r) => r.rows), end: () => p.end() } }
  const p = require('mysql2/promise').createPool({ ...at, connectionLimit: 3 })
  return { raw: p, query: (s, v) => p.query(s, v).then((r) => r[0]), end: () => p.end() }
}

async function drizzles() {
  const db = open()
  const o = require('drizzle-orm')
  const { eq, and, or, gt, inArray, like, sql, desc, count, sum, isNull, exists, between, not, relations } = o
  const t = pg ? require('drizzle-orm/pg-core') : require('drizzle-orm/mysql-core')
  const table = pg ? t.pgTable : t.mysqlTable
  const people = table('dr_people', { id: (pg ? t.serial('id') : t.int('id').autoincrement()).primaryKey(), name: t.varchar('name', { length: 90 }).notNull().unique(), pay: t.decimal('pay', { precision: 10, scale: 2 }), doc: t.json('doc') })
  const books = table('dr_books', { id: (pg ? t.serial('id') : t.int('id').autoincrement()).primaryKey(), person: (pg ? t.integer : t.int)('person').references(() => people.id), title: t.text('title') })
  const schema = { people, books, personRelations: relations(people, ({ many }) => ({ books: many(books) })), bookRelations: relations(books, ({ one }) => ({ author: one(people, { fields: [books.person], references: [people.id] }) })) }
  const d = pg ? require('drizzle-orm/node-postgres').drizzle(db.raw, { schema }) : require('drizzle-orm/mysql2').drizzle(db.raw, { schema, mode: 'planetscale' }) // without LATERAL, which MariaDB 10.11 has not
  if (process.env.HONEY) return d.execute(sql.raw(HONEY)).then((r) => print(pg ? r.rows : r[0])).finally(db.end)
  print('== drizzle')
  await db.query('drop table if exists dr_books'); await db.query('drop table if exists dr_people')
  await db.query(pg ? 'create table dr_people (id serial primary key, name varchar(90) not null unique, pay decimal(10,2), doc json)' : 'create table dr_people (id int auto_increment primary key, name varchar(90) not null unique, pay decimal(10,2), doc json)')
  await db.query(`create table dr_books (id ${pg ? 'serial' : 'int auto_increment'} primary key, person int references dr_people (id), title text)`)
  await d.insert(people).values(upTo(60).map((i) => ({ name: "Zoë'" + i, pay: String(i / 4), doc: { i } })))
  const ids = (await d.select({ id: people.id }).from(people).orderBy(people.id)).map((r) => r.id)
  await d.insert(books).values(ids.map((id, i) => ({ person: id, title: `b\\${i % 7}` })))
  print(await d.select({ title: books.title, n: count(books.id), s: sum(people.pay) }).from(books).innerJoin(people, eq(people.id, books.person)).where(and(gt(people.pay, '3'), or(like(books.title, 'b%'), isNull(people.doc)), inArray(people.id, ids.slice(0, 30)))).groupBy(books.title).having(gt(count(books.id), 1)).orderBy(books.title))
  print((await d.query.people.findMany({ with: { books: pg ? { limit: 2 } : true }, where: between(people.pay, '1', '2'), orderBy: [desc(people.name)], limit: 4, offset: 1 })).map((p) => [p.name, p.books.length]), (await d.query.books.findFirst({ with: pg ? { author: true } : {}, where: eq(books.title, 'b\\3') })).title)
  print(await d.select({ name: people.name }).from(people).where(and(exists(d.select({ one: sql`1` }).from(books).where(eq(books.person, people.id))), not(like(people.name, '%5%')))).orderBy(people.id).limit(2))
  const w = d.$with('w').as(d.select().from(people).where(gt(people.pay, '14')))
  print(await d.with(w).select({ name: w.name }).from(w).orderBy(w.name), (await d.select({ name: people.name }).from(people).where(eq(people.id, ids[1])).union(d.select({ name: people.name }).from(people).where(eq(people.id, ids[2])))).map((r) => r.name).sort())
  await d.insert(people).values({ name: "Zoë'1" }).catch(tell)
  const again = d.insert(people).values({ name: "Zoë'1", pay: '7' })
  await (pg ? again.onConflictDoUpdate({ target: people.name, set: { pay: '7' } }) : again.onDuplicateKeyUpdate({ set: { pay: '7' } }))
  const p = pg ? d.select().from(people).where(eq(people.name, sql.placeholder('n'))).prepare('one') : d.select().from(people).where(eq(people.name, sql.placeholder('n'))).prepare()
  for (const n of [1, 2, 3]) print((await p.execute({ n: "Zoë'" + n })).map((r) => [r.name, r.pay, r.doc]))
  await d.transaction(async (tx) => { await tx.update(people).set({ pay: '1' }).where(eq(people.id, ids[0])); await tx.select().from(people).where(eq(people.id, ids[0])).for('update'); await tx.transaction(async (n) => { await n.delete(books); n.rollback() }).catch((e) => print(e.message)); throw new Error('outer') }).catch((e) => print(e.message))
  print(await d.$count(books), await d.$count(people, gt(people.pay, '14')))
  await db.query('drop table dr_books'); await db.query('drop table dr_people')
  await db.end()
}

async function objections() {
  const { Model, transaction, raw, ref } = require('objection')
  print('== objection')
  const k = require('knex')({ client: pg ? 'pg' : 'mysql2', connection: at, pool: { min: 0, max: 1 } }) // one: a graph's rows are inserted side by side
  await k.schema.dropTableIfExists('ob_books'); await k.schema.dropTableIfExists('ob_people')
  await k.schema.createTable('ob_people', (t) => { t.increments(); t.string('name', 90).notNullable().unique(); t.integer('boss').unsigned().references('ob_people.id'); t.json('doc') })
  await k.schema.createTable('ob_books', (t) => { t.increments(); t.integer('person').unsigned().references('ob_people.id').onDelete('cascade'); t.text('title') })
  class Book extends Model { static tableName = 'ob_books' }
  class Person extends Model {
    static tableName = 'ob_people'
    static jsonSchema = { type: 'object', properties: { name: { type: 'string' }, doc: { type: 'object' } } }
    static relationMappings = { books: { relation: Model.HasManyRelation, modelClass: Book, join: { from: 'ob_people.id', to: 'ob_books.person' } }, staff: { relation: Model.HasManyRelation, modelClass: Person, join: { from: 'ob_people.id', to: 'ob_people.boss' } } }
  }
  Person.knex(k); Book.knex(k)
  await Person.query().insertGraph(upTo(8).map((i) => ({ name: "Zoë'" + i, doc: { i }, books: [{ title: 'a' + i }, { title: "b'" + i }], staff: upTo(2).map((j) => ({ name: `s${i}.${j}`, staff: [{ name: `t${i}.${j}` }] })) })))
  print((await Person.query().whereNull('boss').withGraphFetched('[books(sorted), staff.^3]').modifiers({ sorted: (q) => q.orderBy('id') }).orderBy('ob_people.name').limit(3)).map((p) => [p.name, p.books.map((b) => b.title).sort(), p.staff.map((s) => [s.name, s.staff.length]).sort()]))
  print((await Person.query().withGraphJoined('[books, staff]').where('books.title', 'like', 'a%').where((q) => q.where('ob_people.name', '>', 'Z').orWhereNull('ob_people.doc')).orderBy(['ob_people.id', 'staff.id']).limit(4)).length)
  print(await Person.query().select('name', Person.relatedQuery('books').count().as('n')).whereExists(Person.relatedQuery('books').where('title', 'a3')).orderBy('name'), await Person.query().where('name', 'like', 's%').resultSize(), (await Person.query().orderBy('id').page(1, 3)).total)
  const p = await Person.query().findOne({ name: "Zoë'2" })
  await p.$query().patch({ name: 'new' }); await p.$relatedQuery('books').insert({ title: 'c' }); print(await p.$relatedQuery('books').orderBy('title').select('title'))
  await Person.query().upsertGraph({ id: p.id, name: 'newer', books: [{ title: 'only' }] }); print(await p.$relatedQuery('books').select('title'), await Person.query().findById(p.id).select('name', raw('? + 1', [4]).as('five'), ref('ob_people.name').as('again')))
  await Person.query().insert({ name: "Zoë'1" }).catch(tell)
  await transaction(Person.knex(), async (trx) => { await Person.query(trx).findById(p.id).forUpdate(); await Book.query(trx).delete().where('title', 'only'); throw new Error('back') }).catch((e) => print(e.message))
  print(await Book.query().resultSize(), await Person.query().whereIn('id', Book.query().select('person').where('title', 'like', 'a%')).count('* as n').first(), await Person.query().alias('p').joinRelated('books').max('books.id as m').then((r) => r.length))
  await k.schema.dropTable('ob_books'); await k.schema.dropTable('ob_people'); await k.destroy()
}

async function kyselys() {
  const { Kysely, PostgresDialect, MysqlDialect, sql } = require('kysely')
  const { Migrator } = require('kysely/migration')
  print('== kysely')
  const d = new Kysely({ dialect: pg ? new PostgresDialect({ pool: new (require('pg').Pool)({ ...at, max: 3 }) }) : new MysqlDialect({ pool: require('mysql2').createPool({ ...at, connectionLimit: 3 }) }) })
  const m = new Migrator({ db: d, provider: { getMigrations: async () => ({
    one: { up: async (k) => { let t = k.schema.createTable('ky_people'); t = pg ? t.addColumn('id', 'serial', (c) => c.primaryKey()) : t.addColumn('id', 'integer', (c) => c.autoIncrement().primaryKey()); await t.addColumn('name', 'varchar(90)', (c) => c.notNull().unique()).addColumn('pay', 'decimal(10, 2)').execute() }, down: (k) => k.schema.dropTable('ky_people').execute() },
    two: { up: (k) => k.schema.createIndex('ky_pay').on('ky_people').column('pay').execute(), down: (k) => (pg ? k.schema.dropIndex('ky_pay') : k.schema.dropIndex('ky_pay').on('ky_people')).execute() } }) } })
  const mig = await m.migrateToLatest(); if (mig.error) throw mig.error
  print(mig.results.map((r) => r.status))
  await d.insertInto('ky_people').values(upTo(40).map((i) => ({ name: "Zoë'" + i, pay: i / 4 }))).execute()
  print(await d.selectFrom('ky_people as p').select(['name', (e) => e.fn.count('id').over((o) => o.orderBy('name')).as('n')]).where((e) => e.or([e('pay', '<', 1), e.and([e('name', 'like', "Zoë'3%"), e.not(e('pay', 'is', null))])])).orderBy('name').limit(5).execute())
  print(await d.with('w', (k) => k.selectFrom('ky_people').selectAll().where('pay', '>', 9)).selectFrom('w').select((e) => [e.fn.countAll().as('n'), e.case().when(e.fn.max('pay'), '>', 5).then('much').else('little').end().as('kind')]).executeTakeFirst())
  await d.insertInto('ky_people').values({ name: "Zoë'1" }).execute().catch(tell)
  await d.transaction().setIsolationLevel('serializable').execute(async (t) => { await t.updateTable('ky_people').set((e) => ({ pay: e('pay', '+', 1) })).where('name', '=', "Zoë'2").execute(); throw new Error('back') }).catch((e) => print(e.message))
  print((await d.introspection.getTables()).filter((t) => t.name.startsWith('ky_')).map((t) => [t.name, t.columns.map((c) => [c.name, c.dataType, c.isNullable, c.isAutoIncrementing])]), (await sql`select name from ky_people where pay = ${2} order by id`.execute(d)).rows)
  print((await m.migrateDown()).results.map((r) => r.status), (await m.migrateDown()).results.map((r) => r.status))
  for (const t of ['kysely_migration', 'kysely_migration_lock']) await d.schema.dropTable(t).execute()
  await d.destroy()
}

async function mikros() {
  const { MikroORM, defineEntity, p } = require(pg ? '@mikro-orm/postgresql' : '@mikro-orm/mariadb')
  print('== mikro-orm')
  const Book = defineEntity({ name: 'MkBook', tableName: 'mk_books', properties: { id: p.integer().primary(), title: p.text(), person: () => p.manyToOne(Person).nullable().deleteRule('cascade') } })
  const Person = defineEntity({ name: 'MkPerson', tableName: 'mk_people', properties: { id: p.integer().primary(), name: p.string().length(90).unique(), pay: p.decimal().precision(10).scale(2).nullable(), doc: p.json().nullable(), kind: p.enum(['a', 'b']).default('a'), version: p.integer().version(), books: () => p.oneToMany(Book).mappedBy('person') } })
  const orm = await MikroORM.init({ entities: [Person, Book], dbName: 'app', host, port: +port, user: at.user, password: 'secret', allowGlobalContext: true, debug: false, driverOptions: pg ? { ssl } : { ssl } })
  await orm.schema.drop().catch(tell); await orm.schema.create()
  print((await orm.schema.getUpdateSchemaSQL({ safe: true })).split('\n').filter((l) => l.includes('mk_')).length)
  const em = orm.em.fork()
  for (const i of upTo(20)) { const a = em.create('MkPerson', { name: "Zoë'" + i, pay: String(i), doc: { i }, kind: 'ab'[i % 2] }); a.books.add(em.create('MkBook', { title: 't' + i }), em.create('MkBook', { title: "u'" + i })) }
  await em.flush(); em.clear()
  print((await em.find('MkPerson', { $or: [{ name: { $like: "Zoë'1%" } }, { pay: { $gt: 17 } }], books: { title: { $like: 't%' } } }, { populate: ['books'], orderBy: { name: 'asc' }, limit: 4, offset: 1 })).map((x) => [x.name, x.books.length]))
  print((await em.findAndCount('MkPerson', { doc: { i: { $gte: 5 } }, kind: { $in: ['a'] } }, { limit: 2, orderBy: { id: 'asc' } })).map((x) => (Array.isArray(x) ? x.map((y) => y.name) : x)), await em.count('MkBook', { person: { name: "Zoë'3" } }))
  const one = await em.findOneOrFail('MkPerson', { name: "Zoë'2" }, { populate: ['books'], strategy: 'joined' })
  one.pay = '99'; one.books.removeAll(); await em.flush(); print(one.version)
  await em.upsert('MkPerson', { name: "Zoë'1", pay: '8', version: 1 }); await em.nativeUpdate('MkPerson', { kind: 'b' }, { pay: '5' })
  await em.transactional(async (t) => { await t.findOne('MkPerson', { name: "Zoë'4" }, { lockMode: 4 }); await t.nativeDelete('MkBook', { title: 't4' }); throw new Error('back') }).catch((e) => print(e.message))
  await em.fork().insert('MkPerson', { name: "Zoë'1", version: 1 }).catch((e) => print('error', e.constructor.name, e.code))
  print(await em.createQueryBuilder('MkPerson', 'q').select(['q.kind', require('@mikro-orm/core').raw('count(*) as n')]).groupBy('q.kind').orderBy({ kind: 'asc' }).execute())
  await orm.schema.drop(); await orm.close(true)
}

async function prismas() {
  print('== prisma')
  const { PrismaClient } = require(pg ? './postgresql' : './mysql')
  const adapter = pg ? new (require('@prisma/adapter-pg').PrismaPg)({ ...at, max: 3 }) : new (require('@prisma/adapter-mariadb').PrismaMariaDb)({ ...at, ssl: ssl ?? false, connectionLimit: 3, allowPublicKeyRetrieval: true })
  const db = open()
  for (const t of ['pr_links', pg ? '"_BookToTag"' : '_BookToTag', 'pr_tags', 'pr_books', 'pr_people']) await db.query(`drop table if exists ${t}`)
  const id = pg ? 'id serial primary key' : 'id int auto_increment primary key'
  const link = pg ? (c) => `"${c}"` : (c) => c
  await db.query(`create table pr_people (${id}, name varchar(90) not null unique, pay decimal(10,2), doc ${pg ? 'jsonb' : 'json'}, raw ${pg ? 'bytea' : 'longblob'}, big bigint, at ${pg ? 'timestamp(3)' : 'datetime(3)'} not null default current_timestamp${pg ? '' : '(3)'}, manager int references pr_people (id))`)
  await db.query(`create table pr_books (${id}, title ${pg ? 'text' : 'varchar(191)'} not null, year int not null default 2000, person int not null references pr_people (id) on delete cascade)`)
  await db.query(`create table pr_tags (${id}, word varchar(40) not null unique)`)
  await db.query(`create table ${link('_BookToTag')} (${link('A')} int not null references pr_books (id) on delete cascade, ${link('B')} int not null references pr_tags (id) on delete cascade, primary key (${link('A')}, ${link('B')}))`)
  const c = new PrismaClient({ adapter })
  for (const i of upTo(12)) await c.person.create({ data: { name: "Zoë'" + i, pay: i / 4, doc: { i, deep: ["x'", null] }, raw: Buffer.from([0, i, 255]), big: 2n ** 60n, at: day, books: { create: [{ title: 't' + i, year: 1990 + i, tags: { connectOrCreate: [{ where: { word: 'w' + (i % 3) }, create: { word: 'w' + (i % 3) } }] } }, { title: "u'" + i }] } } })
  await c.person.createMany({ data: upTo(40).map((i) => ({ name: 'bulk' + i, pay: i, at: day })), skipDuplicates: true })
  print(await c.person.findMany({ where: { OR: [{ name: { startsWith: "Zoë'1" } }, { pay: { gt: 37 } }], NOT: { name: { contains: '38' } }, books: { every: { year: { lt: 2005 } } } }, include: { books: { where: { year: { gte: 1990 } }, include: { tags: { orderBy: { word: 'asc' } } }, orderBy: { id: 'asc' } }, _count: { select: { staff: true } } }, orderBy: [{ name: 'asc' }], take: 3, skip: 1 }).then((r) => r.map((p) => [p.name, p.pay, p.doc, p.big, p.at, p._count, p.books.map((b) => [b.title, b.tags.map((t) => t.word)])])))
  print(await c.person.findMany({ where: { doc: { path: pg ? ['i'] : '$.i', equals: 3 } }, select: { name: true, raw: true } }), await c.person.findMany({ cursor: { name: "Zoë'3" }, take: 2, orderBy: { id: 'asc' }, select: { name: true } }), await c.book.findMany({ where: { tags: { some: { word: { in: ['w1', 'w2'] } } }, author: { is: { pay: { not: null } } } }, distinct: ['year'], orderBy: { year: 'desc' }, take: 3 }).then((r) => r.map((b) => b.year)))
  print(await c.book.groupBy({ by: ['year'], _count: true, _max: { title: true }, having: { year: { gt: 1995 } }, orderBy: { year: 'asc' }, take: 3 }), await c.person.aggregate({ _avg: { pay: true }, _sum: { pay: true }, _count: { _all: true, doc: true }, where: { name: { endsWith: '1' } } }), await c.person.count({ where: { staff: { none: {} } } }))
  const boss = await c.person.findUniqueOrThrow({ where: { name: "Zoë'1" } })
  print(await c.person.updateMany({ where: { name: { startsWith: 'bulk1' } }, data: { manager: boss.id, pay: { increment: 5 } } }), await c.person.update({ where: { name: "Zoë'2" }, data: { books: { deleteMany: { year: { lt: 2000 } }, updateMany: { where: { year: 2000 }, data: { title: 'changed' } } } }, select: { books: { select: { title: true } } } }), await c.person.upsert({ where: { name: 'bulk3' }, create: { name: 'bulk3' }, update: { pay: 1 } }).then((p) => p.pay))
  print(await Promise.all([c.person.findUnique({ where: { name: "Zoë'4" } }), c.person.findUnique({ where: { name: "Zoë'5" } }), c.person.findUnique({ where: { name: 'nobody' } })]).then((r) => r.map((p) => p && p.name)))
  await c.person.create({ data: { name: "Zoë'1" } }).catch((e) => print('error', e.name, e.code)); await c.person.delete({ where: { name: 'nobody' } }).catch((e) => print('error', e.name, e.code)); await c.book.create({ data: { title: 'x', person: 4711 } }).catch((e) => print('error', e.name, e.code))
  await c.$transaction(async (t) => { await t.book.deleteMany({ where: { title: { contains: "u'" } } }); throw new Error('back') }, { isolationLevel: 'Serializable' }).catch((e) => print(e.message))
  print(await c.$transaction([c.book.count(), c.tag.findMany({ orderBy: { word: 'asc' }, select: { word: true } })]), await c.$queryRaw`select name from pr_people where pay = ${2} order by id`, await c.$executeRawUnsafe('update pr_books set year = year + 1 where year > 2003'))
  await c.$queryRawUnsafe('select nosuch from pr_people').catch((e) => print('error', e.name, e.code)); print(await c.person.deleteMany({ where: { name: { in: upTo(30).map((i) => 'bulk' + i) }, manager: null } }))
  await c.$disconnect()
  for (const t of [link('_BookToTag'), 'pr_tags', 'pr_books', 'pr_people']) await db.query(`drop table ${t}`)
  await db.end()
}

;(async () => {
  await drizzles()
  if (!process.env.HONEY) { await objections(); await kyselys(); await mikros(); await prismas() }
  print('done')
})().catch((e) => { console.error(e); process.exit(1) })
