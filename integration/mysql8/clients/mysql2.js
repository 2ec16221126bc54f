// One session of mysql2: see driver in drivers_test.go.
const fs = require('fs')
const mysql = require('mysql2/promise')

const [host, port, user, password, ca, database] = process.argv.slice(2)
const options = { host, port: Number(port), user, password, connectAttributes: { program_name: 'suite' } }
if (database) options.database = database
if (ca) options.ssl = { ca: fs.readFileSync(ca) }

async function main () {
  let conn
  try {
    conn = await mysql.createConnection(options)
  } catch (e) {
    console.log('login failed:', e.errno, e.message)
    return
  }
  for (const q of ['select 1', 'select id, email from customers', 'select 1']) {
    try {
      const [rows] = await conn.query({ sql: q, rowsAsArray: true })
      for (const row of rows) console.log(row.join(' '))
    } catch (e) {
      console.log('error:', e.errno)
    }
  }
  await conn.end()
}

main()
