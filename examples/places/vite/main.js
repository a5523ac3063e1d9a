// The path is the page's own: in development Vite serves it, in production whatever serves the page.
const socket = new WebSocket(new URL('/echo', location.href.replace(/^http/, 'ws')))
socket.onopen = () => socket.send('hello')
socket.onmessage = ({ data }) => {
  document.querySelector('#answer').textContent = data
}
