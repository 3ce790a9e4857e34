// A page that was opened as a file may not start a Worker. This one runs the script of the search
// in a hidden frame, whose messages to itself go to the page, and loads further scripts there.
class FrameWorker extends EventTarget {
  constructor(address) {
    super();
    this.frame = document.createElement("iframe");
    this.frame.hidden = true;
    document.body.append(this.frame);
    this.inside = this.frame.contentWindow;
    this.inside.postMessage = (data) => this.receive(data);
    this.inside.importScripts = (...addresses) =>
      addresses.reduce((before, next) => before.then(() => this.load(next)), Promise.resolve());
    this.loaded = this.load(address);
  }

  load(address) {
    return new Promise((resolve, reject) => {
      const script = this.inside.document.createElement("script");
      script.onload = resolve;
      script.onerror = () => reject(new Error(`${address} cannot be loaded`));
      script.src = address;
      this.inside.document.body.append(script);
    });
  }

  receive(data) {
    const event = new MessageEvent("message", { data: structuredClone(data) });
    this.dispatchEvent(event);
    if (this.onmessage) this.onmessage(event);
  }

  async postMessage(data) {
    await this.loaded;
    this.inside.dispatchEvent(new MessageEvent("message", { data: structuredClone(data) }));
  }

  terminate() {
    this.frame.remove();
  }
}

if (location.protocol === "file:") window.Worker = FrameWorker;
