// Phones that replicate: node replicate.js URL FILE BATCH. FILE has one phone a line, a JSON array of documents. Each phone is
// a database in memory, filled before the clock runs; then all of them replicate to URL at once. Prints {seconds, docs}.
'use strict'

const fs = require('fs')
const PouchDB = require('pouchdb-core')
  .plugin(require('pouchdb-adapter-memory'))
  .plugin(require('pouchdb-adapter-http'))
  .plugin(require('pouchdb-replication'))

async function main (url, file, batch) {
  const phones = []
  for (const line of fs.readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const docs = JSON.parse(line)
    const phone = new PouchDB(`phone-${phones.length}`, { adapter: 'memory' })
    await phone.bulkDocs(docs)
    phones.push(phone)
  }
  const started = process.hrtime.bigint()
  const ends = await Promise.all(phones.map(phone => phone.replicate.to(url, { batch_size: Number(batch) })))
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  console.log(JSON.stringify({ seconds, docs: ends.reduce((sum, end) => sum + end.docs_written, 0) }))
}

main(...process.argv.slice(2)).catch(error => {
  console.error(String(error))
  process.exit(1)
})
