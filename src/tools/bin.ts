#!/usr/bin/env node
import { main } from './main.js'
import { Exit } from './output.js'

const code = await main(process.argv.slice(2), process)
// Sockets may still be open when nobody reads the output any more: they must not keep the program.
if (code === Exit.Pipe) process.exit(code)
process.exitCode = code
