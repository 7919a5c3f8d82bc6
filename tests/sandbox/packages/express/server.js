const express = require('express')

const app = express()
app.get('/', (_, answer) => answer.send('The ferry leaves at noon'))
app.listen(process.env.PORT, '127.0.0.1')
