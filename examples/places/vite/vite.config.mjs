// Vite's dev server: fastws takes its own path, and leaves Vite its socket for hot reloading.
import { upgrade } from 'fastws'

const echo = upgrade({ message: (conn, message) => conn.send(message) }, { path: '/echo' })

// biome-ignore lint/style/noDefaultExport: Vite takes its settings from there
export default {
  plugins: [
    {
      name: 'echo',
      configureServer(server) {
        echo.attach(server.httpServer) // without `return`: Vite would call what it is given
      },
    },
  ],
}
