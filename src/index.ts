export { Conn } from './conn/conn.js'
export * from './frame/index.js'
