// One attack, until the process is ended. It takes only the processor time that nobody else wants.
import { setPriority } from 'node:os'
import { answer } from '../e2e/rpc.js'
import { attacks } from './attacks.js'

const [kind = '', port = ''] = process.argv.slice(2)
setPriority(19)
const attacker = attacks[kind]!.start(Number(port))

answer({ done: () => attacker.done })
