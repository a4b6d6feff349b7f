/** A TCP forwarder that can be cut like a cable. */
import net from 'node:net';

export class Path {
  /** Opens a path to a port of this machine, for the test t. */
  static async open(t, port) {
    const path = new Path();
    path.sockets = new Set();
    path.closed = false;
    path.server = net.createServer((near) => path.forward(near, port));
    await new Promise((resolve) => path.server.listen(0, '127.0.0.1', resolve));
    path.link = `ws://127.0.0.1:${path.server.address().port}/nim`;
    t.after(() => {
      path.close();
      path.release?.();
      return new Promise((resolve) => path.server.close(resolve));
    });
    return path;
  }

  async forward(near, port) {
    this.sockets.add(near);
    await this.stalled;
    if (this.closed) {
      near.destroy();
      return;
    }
    const far = net.connect(port, '127.0.0.1');
    for (const [one, other] of [[near, far], [far, near]]) {
      this.sockets.add(one);
      one.pipe(other);
      one.on('error', () => undefined);
      one.on('close', () => {
        this.sockets.delete(one);
        other.destroy();
      });
    }
  }

  /** Ends the connections that stand. */
  cut() {
    this.sockets.forEach((socket) => socket.destroy());
  }

  /** From now on every connection ends at once. */
  close() {
    this.closed = true;
    this.cut();
  }

  /** From now on new connections carry nothing until the path is open. */
  stall() {
    this.stalled = new Promise((resolve) => (this.release = resolve));
  }

  open() {
    this.closed = false;
    this.release?.();
  }
}
