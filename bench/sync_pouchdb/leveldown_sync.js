// The backend that pouchdb-server is given with --level-backend: leveldown, whose every write is on the disk before it
// is answered. PouchDB itself never asks for that, so without this a power cut takes what was acknowledged.
'use strict'

const util = require('util')
const leveldown = require('leveldown')

function LevelDownSync (location) {
  if (!(this instanceof LevelDownSync)) return new LevelDownSync(location)
  leveldown.call(this, location)
}
util.inherits(LevelDownSync, leveldown)

for (const write of ['_put', '_del']) {
  LevelDownSync.prototype[write] = function (...words) {
    const options = words[words.length - 2]
    words[words.length - 2] = { ...options, sync: true }
    return leveldown.prototype[write].apply(this, words)
  }
}

LevelDownSync.prototype._batch = function (operations, options, callback) {
  return leveldown.prototype._batch.call(this, operations, { ...options, sync: true }, callback)
}

LevelDownSync.destroy = leveldown.destroy
LevelDownSync.repair = leveldown.repair
module.exports = LevelDownSync
