/** After the next paint: a task behind the frame's own work, which a timer would come to much later. */
export function painted(): Promise<void> {
  return new Promise(go =>
    requestAnimationFrame(() => {
      const channel = new MessageChannel()
      channel.port1.onmessage = () => {
        channel.port1.close()
        go()
      }
      channel.port2.postMessage(null)
    }),
  )
}
