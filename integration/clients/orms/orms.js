// What Knex, Sequelize, TypeORM, pg-promise and MariaDB's connector do on the
// wire, migrations and schema queries among it. Arguments: postgresql or mariadb,
// host, port, mode (disable or require). HONEY=1: only what finds the honey row.
const [kind, host, port, mode] = process.argv.slice(2)
const pg = kind === 'postgresql'
const ssl = mode === 'require' ? { rejectUnauthorized: false } : pg ? false : undefined
const at = { host, port: +port, user: pg ? 'postgres' : 'app', password: 'secret', database: 'app', ssl }
const HONEY = 'select * from honey_customers order by id desc'
const print = (...a) => console.log(...a.map((x) => JSON.stringify(x, (_, v) => (typeof v === 'bigint' ? String(v) : v))?.replaceAll(port, 'PORT')))
const tell = (e) => print('error', e.name, e.code ?? e.parent?.code, String(e.message).split('\n')[0])
const day = new Date(Date.UTC(2026, 0, 2, 3, 4, 5))

async function knexes() {
  const k = require('knex')({ client: pg ? 'pg' : 'mysql2', connection: at, pool: { min: 0, max: 3 } })
  if (process.env.HONEY) return k.raw(HONEY).then((r) => print(pg ? r.rows : r[0])).finally(() => k.destroy())
  print('== knex')
  const source = {
    getMigrations: async () => ['one', 'two'], getMigrationName: (m) => m,
    getMigration: async (m) => m === 'one'
      ? { up: (k) => k.schema.createTable('kn_people', (t) => { t.increments(); t.string('name', 90).notNullable().unique(); t.decimal('pay', 10, 2).index(); t.json('doc'); t.timestamp('at') }), down: (k) => k.schema.dropTable('kn_people') }
      : { up: (k) => k.schema.createTable('kn_books', (t) => { t.increments(); t.integer('person').unsigned().references('kn_people.id').onDelete('cascade'); t.text('title') }).alterTable('kn_people', (t) => { t.enu('kind', ['a', 'b']).defaultTo('a'); t.comment('people') }), down: (k) => k.schema.dropTable('kn_books') },
  }
  print((await k.migrate.latest({ migrationSource: source }))[1], await k.migrate.currentVersion({ migrationSource: source }))
  await k.batchInsert('kn_people', [...Array(120).keys()].map((i) => ({ name: "Zoë'" + i, pay: i / 4, doc: JSON.stringify({ i }), at: day })), 50)
  const ids = (await k('kn_people').select('id').orderBy('id')).map((r) => r.id)
  await k('kn_books').insert(ids.map((id, i) => ({ person: id, title: `b\\${i % 7}` })))
  print(await k('kn_people as p').join('kn_books as b', 'b.person', 'p.id').where('p.pay', '>', 3).andWhere((q) => q.where('b.title', 'like', 'b%').orWhereNull('p.doc')).whereIn('p.id', ids.slice(0, 30)).groupBy('b.title').select('b.title').count('* as n').orderBy('b.title'))
  print(await k('kn_people').where({ name: "Zoë'3" }).first('name', 'pay'), await k('kn_people').max('pay as m'), await k('kn_people').whereExists(k('kn_books').whereRaw('person = kn_people.id')).limit(2).offset(1).orderBy('id').pluck('name'))
  print(await k.with('w', k('kn_people').where('pay', '<', 1)).select('name').from('w').union([k('kn_people').select('name').where('pay', 2)]).orderBy('name'))
  await k('kn_people').insert({ name: "Zoë'1" }).catch(tell)
  await k('nosuch').catch(tell)
  print(await k('kn_people').insert({ name: "Zoë'1", pay: 7 }).onConflict('name').merge().then(() => k('kn_people').where('name', "Zoë'1").first('pay')))
  await k.transaction(async (t) => { await t('kn_people').where('id', ids[0]).forUpdate().first(); await t('kn_people').where('id', ids[0]).update({ pay: 1 }); await t.transaction(async (n) => { await n('kn_books').del(); throw new Error('inner') }).catch((e) => print(e.message)); throw new Error('outer') }).catch((e) => print(e.message))
  let n = 0
  for await (const _ of k('kn_books').stream()) n++
  print(n, await k.schema.hasTable('kn_people'), await k.schema.hasColumn('kn_people', 'nosuch'), Object.keys(await k('kn_people').columnInfo()).sort())
  await k.migrate.rollback({ migrationSource: source }, true)
  await k.schema.dropTableIfExists('knex_migrations'); await k.schema.dropTableIfExists('knex_migrations_lock')
  await k.destroy()
}

async function sequelizes() {
  const { Sequelize, DataTypes: D, Op, Transaction } = require('sequelize')
  print('== sequelize')
  const s = new Sequelize('app', at.user, 'secret', { host, port, dialect: pg ? 'postgres' : 'mysql', logging: false, dialectOptions: ssl ? { ssl } : {}, pool: { max: 3 } })
  await s.authenticate()
  const Person = s.define('sq_person', { name: { type: D.STRING(90), unique: true, allowNull: false }, pay: D.DECIMAL(10, 2), doc: D.JSON, kind: D.ENUM('a', 'b'), raw: D.BLOB }, { tableName: 'sq_people', paranoid: true, indexes: [{ fields: ['pay', 'kind'] }] })
  const Book = s.define('sq_book', { title: D.TEXT, year: D.INTEGER }, { tableName: 'sq_books', timestamps: false })
  Person.hasMany(Book, { as: 'books' }); Book.belongsTo(Person, { as: 'author', foreignKey: 'sqPersonId' })
  await s.sync({ force: true })
  await s.sync({ alter: true })
  for (let i = 0; i < 4; i++) await Person.create({ name: "Zoë'" + i, pay: i, doc: { i }, kind: 'ab'[i % 2], raw: Buffer.from([0, i, 255]), books: [{ title: `t\\${i}`, year: 1990 + i }] }, { include: 'books' })
  await Person.bulkCreate([...Array(80).keys()].map((i) => ({ name: 'bulk' + i, pay: i })))
  await Book.bulkCreate([...Array(80).keys()].map((i) => ({ title: 'x' + i, year: 2000 + (i % 5), sqPersonId: null })))
  print((await Person.findAll({ where: { [Op.or]: [{ name: { [Op.like]: "Zoë'%" } }, { pay: { [Op.between]: [70, 72] } }], kind: { [Op.ne]: 'b' } }, include: { model: Book, as: 'books', where: { year: { [Op.gt]: 1980 } }, required: false }, order: [['id', 'asc'], [{ model: Book, as: 'books' }, 'id', 'desc']], limit: 5 })).map((p) => [p.name, p.pay, p.books.length]))
  print(await Person.findAndCountAll({ where: { name: { [Op.startsWith]: 'bulk1' } }, attributes: ['name'], order: ['name'], limit: 3, raw: true }), await Book.findAll({ attributes: ['year', [s.fn('COUNT', s.col('id')), 'n']], group: 'year', having: s.where(s.fn('COUNT', s.col('id')), Op.gt, 2), order: ['year'], raw: true }))
  print((await Person.findOrCreate({ where: { name: 'bulk3' }, defaults: { pay: 1 } }))[1], await Person.count({ where: { pay: { [Op.in]: [1, 2, 3] }, deletedAt: null } }), await Person.sum('pay'), await Person.increment('pay', { where: { name: 'bulk4' } }).then(() => Person.findOne({ where: { name: 'bulk4' } }).then((p) => p.pay)))
  await Person.create({ name: "Zoë'1" }).catch(tell)
  await Person.upsert({ name: 'bulk5', pay: 99 })
  await Person.destroy({ where: { name: 'bulk6' } }); await Person.restore({ where: { name: 'bulk6' } })
  await s.transaction({ isolationLevel: Transaction.ISOLATION_LEVELS.SERIALIZABLE }, async (t) => { const p = await Person.findOne({ where: { name: 'bulk7' }, lock: t.LOCK.UPDATE, transaction: t }); await p.update({ pay: 3 }, { transaction: t }); throw new Error('back') }).catch((e) => print(e.message))
  print(await s.query('select name from sq_people where pay = :p order by id', { replacements: { p: 2 }, type: 'SELECT' }), await s.query(`select name from sq_people where pay = ${pg ? '$1' : '?'} order by id`, { [pg ? 'bind' : 'replacements']: [3], type: 'SELECT' }))
  const q = s.getQueryInterface()
  print(Object.keys(await q.describeTable('sq_people')).sort(), (await q.showIndex('sq_people')).map((i) => i.name).sort(), (await q.getForeignKeyReferencesForTable('sq_books')).map((f) => f.columnName), (await q.showAllTables()).length > 0, (await s.databaseVersion()).length > 2)
  await q.addColumn('sq_books', 'more', { type: D.STRING, defaultValue: "o'x" }); await q.changeColumn('sq_books', 'more', { type: D.STRING(40) }); await q.removeColumn('sq_books', 'more')
  await s.drop({})
  await s.close()
}

async function typeorms() {
  require('reflect-metadata')
  const { DataSource, EntitySchema, Like, In, Brackets, MoreThan, IsNull, Not } = require('typeorm')
  print('== typeorm')
  const Person = new EntitySchema({ name: 'TyPerson', tableName: 'ty_people', columns: { id: { type: Number, primary: true, generated: true }, name: { type: String, length: '90', unique: true }, pay: { type: 'decimal', precision: 10, scale: 2, nullable: true }, doc: { type: 'json', nullable: true } }, relations: { books: { type: 'one-to-many', target: 'TyBook', inverseSide: 'person', cascade: true } } })
  const Book = new EntitySchema({ name: 'TyBook', tableName: 'ty_books', columns: { id: { type: Number, primary: true, generated: true }, title: { type: 'text' } }, relations: { person: { type: 'many-to-one', target: 'TyPerson', inverseSide: 'books', onDelete: 'CASCADE', nullable: true } }, indices: [{ columns: ['person'] }] })
  const ds = new DataSource({ type: pg ? 'postgres' : 'mysql', host, port: +port, username: at.user, password: 'secret', database: 'app', ssl: ssl || undefined, entities: [Person, Book], installExtensions: false })
  await ds.initialize()
  const pending = await ds.driver.createSchemaBuilder().log()
  print(pending.upQueries.length)
  await ds.synchronize(); await ds.synchronize()
  const people = ds.getRepository('TyPerson'), books = ds.getRepository('TyBook')
  await people.save([...Array(30).keys()].map((i) => ({ name: "Zoë'" + i, pay: i, doc: { i }, books: [{ title: 't' + i }, { title: "u'" + i }] })), { chunk: 10 })
  print((await people.find({ where: [{ name: Like("Zoë'1%"), pay: MoreThan(10) }, { id: In([0]) }], relations: { books: true }, order: { name: 'ASC' }, take: 4, skip: 1 })).map((p) => [p.name, p.books.length]))
  print(await people.createQueryBuilder('p').leftJoin('p.books', 'b').select('p.name', 'name').addSelect('count(b.id)', 'n').where('p.pay < :m', { m: 4 }).andWhere(new Brackets((q) => q.where('b.title like :t', { t: 't%' }).orWhere('p.doc is null'))).groupBy('p.name').orderBy('p.name').getRawMany())
  print(await people.findAndCount({ where: { doc: Not(IsNull()) }, select: { name: true }, take: 1, order: { id: 'ASC' } }).then(([r, n]) => [r.map((p) => p.name), n]), await people.existsBy({ name: 'nobody' }), await people.sum('pay'))
  await people.insert({ name: "Zoë'1" }).catch(tell)
  await people.upsert([{ name: "Zoë'1", pay: 8 }], ['name'])
  await people.update({ name: "Zoë'2" }, { pay: 5 }); await people.increment({ name: "Zoë'2" }, 'pay', 2)
  await ds.transaction(async (m) => { await m.findOne('TyPerson', { where: { name: "Zoë'2" }, lock: { mode: 'pessimistic_write' } }); await m.delete('TyBook', { title: 't1' }); throw new Error('back') }).catch((e) => print(e.message))
  print(await books.count(), (await ds.query('select count(*) as n from ty_books'))[0])
  const r = ds.createQueryRunner()
  const t = await r.getTable('ty_people')
  print(t.columns.map((c) => [c.name, c.type, c.isNullable]).sort(), t.uniques.length, (await r.getTables(['ty_books']))[0].foreignKeys.map((f) => f.columnNames), await r.hasTable('nosuch'), await r.getCurrentDatabase())
  await r.dropTable('ty_books'); await r.dropTable('ty_people'); await r.release()
  await ds.destroy()
}

async function promises() {
  const pgp = require('pg-promise')()
  print('== pg-promise')
  const db = pgp({ ...at, max: 3 })
  const cs = new pgp.helpers.ColumnSet(['id', 'name', { name: 'doc', mod: ':json' }], { table: 'pp' })
  await db.tx(async (t) => { await t.none('create table pp (id int primary key, name text, doc jsonb)'); await t.none(pgp.helpers.insert([...Array(200).keys()].map((i) => ({ id: i, name: "Zoë'" + i, doc: { i } })), cs)) })
  print(await db.any('select * from pp where name = ${n} and id in (${ids:csv}) and doc->>${k} is not null', { n: "Zoë'3", ids: [1, 2, 3], k: 'i' }), await db.one('select count(*) from $1:name where id > $2', ['pp', 5]), await db.oneOrNone('select 1 from pp where id = $1', -1), await db.multi('select 1 as a; select 2 as b'))
  await db.none(pgp.helpers.update([{ id: 1, name: 'x', doc: {} }, { id: 2, name: 'y', doc: {} }], ['?id', 'name'], 'pp') + ' where v.id = t.id')
  print(await db.task((t) => t.batch([t.any('select name from pp where id < 3 order by id'), t.func('abs', -5)])), await db.one({ name: 'ps', text: 'select name from pp where id = $1', values: [7] }))
  await db.one('select * from pp').catch((e) => print(e.name, e.code)); await db.none('select nosuch').catch(tell)
  await db.tx({ mode: new pgp.txMode.TransactionMode({ tiLevel: pgp.txMode.isolationLevel.serializable, readOnly: true }) }, (t) => t.tx((s) => s.none('select 1/0')).catch(() => t.any('select 1'))).catch(tell)
  await db.none('drop table pp')
  pgp.end()
}

async function mariadbs() {
  const mariadb = require('mariadb')
  print('== mariadb')
  for (const more of [{}, { pipelining: false, bulk: false }, { compress: true, multipleStatements: true }]) {
    const c = await mariadb.createConnection({ ...at, ssl: ssl ?? false, allowPublicKeyRetrieval: true, ...more })
    await c.query('create temporary table t (id int primary key auto_increment, name varchar(90), n decimal(10,3), at datetime(3), raw blob, big bigint)')
    print(await c.batch('insert into t (name, n, at, raw, big) values (?, ?, ?, ?, ?)', [...Array(300).keys()].map((i) => ["Zoë'" + i, i / 4, day, Buffer.from([0, i % 256]), 2n ** 60n + BigInt(i)])).then((r) => r.affectedRows))
    print(await c.query('select * from t where id < ?', [3]), await c.execute('select id, name from t where name = ? or id in (?, ?)', ["Zoë'7", 1, 2]), await c.query({ sql: 'select id, name from t where id = :id', namedPlaceholders: true, rowsAsArray: true }, { id: 4 }))
    print(await Promise.all([...Array(20).keys()].map((i) => c.query('select ? * 2 as n', [i]).then((r) => r[0].n))))
    let n = 0
    for await (const _ of c.queryStream('select * from t')) n++
    print(n)
    const p = await c.prepare('select name from t where id = ?')
    for (let i = 1; i < 4; i++) print(await p.execute([i]))
    n = 0
    for await (const _ of p.executeStream([5])) n++
    p.close()
    await c.query('select nosuch').catch((e) => print(e.code, e.sqlState)); await c.execute('select nosuch from t').catch((e) => print(e.code)); await c.batch('insert into t (id) values (?)', [[1]]).catch((e) => print(e.code))
    await c.beginTransaction(); await c.query('delete from t'); await c.rollback()
    if (more.multipleStatements) print(await c.query('select 1 as a; select 2 as b'))
    await c.changeUser({ user: 'app', password: 'secret', database: 'other' }); print(await c.query('select database() as d')); await c.reset(); await c.ping()
    await c.end()
  }
  const pool = mariadb.createPool({ ...at, ssl: ssl ?? false, connectionLimit: 3, allowPublicKeyRetrieval: true })
  print(await Promise.all([...Array(12).keys()].map((i) => pool.query('select ? as n', [i]).then((r) => r[0].n))))
  await pool.end()
}

;(async () => {
  await knexes()
  if (!process.env.HONEY) { await sequelizes(); await typeorms(); await (pg ? promises() : mariadbs()) }
  print('done')
})().catch((e) => { console.error(e); process.exit(1) })
