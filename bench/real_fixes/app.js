// The apps and APIs of our own around a library of npm, for `bench/real_fixes.py`: `node app.js
// NAME`, at PORT, with what they keep in APP_DATA.
'use strict'
const fs = require('fs')
const http = require('http')
const path = require('path')

const file = path.join(process.env.APP_DATA, 'kept.json')
const kept = () => fs.existsSync(file) ? JSON.parse(fs.readFileSync(file)) : []
const keep = one => {
  const every = [...kept(), one]
  fs.writeFileSync(file, JSON.stringify(every))
  return every.length
}
const page = body => '<!doctype html><html lang=en><meta charset=utf-8><title>Harbour notes</title>' +
  `<link rel=icon href="data:,"><h1>Harbour notes</h1>${body}</html>`
const form = '<form method=post action=/notes><label>Note <textarea name=note></textarea></label> ' +
  '<button>Save</button></form>'
const BOATS = [
  { name: 'Curlew', berth: 'North, inner' }, { name: 'Avocet', berth: 'North, outer' },
  { name: 'Dunlin', berth: 'South, inner' }, { name: 'Knot', berth: 'South, outer' },
  { name: 'Ruff', berth: 'North' }, { name: 'Stint', berth: 'South' },
  { name: 'Whimbrel', berth: 'inner' }, { name: 'Godwit', berth: 'outer' }
]

// Each answers with a status, headers and a text.
const apps = {
  qs () {
    const qs = require('qs')
    return asked => {
      const query = qs.parse(asked.url.split('?')[1] || '', { comma: true })
      const berths = [].concat(query.berths || [])
      const boats = BOATS.filter(boat => berths.includes(boat.berth))
      return [200, { 'Content-Type': 'application/json' }, JSON.stringify({ berths, boats })]
    }
  },
  marked () {
    const { marked } = require('marked')
    const typed = { 'Content-Type': 'text/html; charset=utf-8' }
    return (asked, content) => {
      if (asked.method === 'POST') {
        const note = new URLSearchParams(content).get('note').replace(/\r\n/g, '\n')
        return [303, { Location: `/notes/${keep(marked(note))}` }, '']
      }
      if (asked.url === '/') return [200, typed, page(form)]
      const note = kept()[Number(asked.url.split('/').pop()) - 1]
      return note === undefined ? [404, typed, page('Not here')] : [200, typed, page(`<article>${note}</article>`)]
    }
  }
}

const app = apps[process.argv[2]]()
http.createServer((asked, answer) => {
  let content = ''
  asked.on('data', chunk => { content += chunk })
  asked.on('end', () => {
    const [status, headers, text] = app(asked, content)
    answer.writeHead(status, headers).end(text)
  })
}).listen(Number(process.env.PORT), '127.0.0.1')
