// Calls Clients.EchoServer.EchoObj all the time through @tars/rpc, with nothing but
// a configuration file that names the locator: node client.js CONFIG. Every tenth of
// a second it prints what it has seen so far, as one line of JSON.
"use strict";

const { Communicator } = require("@tars/rpc");
const { TarsInputStream, BinBuffer } = require("@tars/stream");

// What the package says on the console is not for the test's reader.
console.error = console.warn = () => {};

// EchoProxy is what tars2node would make of `string where()`.
class EchoProxy {
  where() {
    const decode = (data) => ({
      response: { return: new TarsInputStream(data.response.sBuffer).readString(0, true) },
    });
    const failed = (data) => ({ response: { error: data.error } });
    return this._worker.tars_invoke("where", new BinBuffer(0), {}).then(decode, (data) => { throw failed(data); });
  }
}

const communicator = Communicator.New();
communicator.initialize(process.argv[2]);
const proxy = communicator.stringToProxy(EchoProxy, "Clients.EchoServer.EchoObj");
// The package asks the registry again every 60 s and has no setting for it.
proxy._worker._manager._iRefreshInterval = 500;

const callers = 4;
const seen = { servers: {}, callers: new Array(callers).fill(0), failed: 0, errors: [] };
for (let i = 0; i < callers; i++) {
  call(i);
}
setInterval(() => process.stdout.write(JSON.stringify(seen) + "\n"), 100);

function call(caller) {
  const again = () => {
    seen.callers[caller]++;
    setTimeout(call, 2, caller); // a steady load, not all there can be
  };
  proxy.where().then(
    (answer) => {
      const host = answer.response.return;
      seen.servers[host] = (seen.servers[host] || 0) + 1;
      again();
    },
    (answer) => {
      seen.failed++;
      seen.errors.push(new Date().toISOString() + " " + JSON.stringify(answer && answer.response ? answer.response.error : String(answer)));
      seen.errors.splice(0, seen.errors.length - 5);
      again();
    },
  );
}
