// A server of @tars/rpc: Clients.EchoServer.EchoObj, which says on which host it is.
// node server.js CONFIG
"use strict";

const tars = require("@tars/rpc");
const { TarsOutputStream } = require("@tars/stream");

let host = "";

class Echo {
  initialize() {}

  onDispatch(current, name) {
    if (name === "tars_ping") {
      current.doResponse(new TarsOutputStream().getBinBuffer());
      return tars.error.SUCCESS;
    }
    const out = new TarsOutputStream();
    out.writeString(0, host);
    current.doResponse(out.getBinBuffer());
    return tars.error.SUCCESS;
  }
}

const server = new tars.server();
server.initialize(process.argv[2], (ready) => {
  host = ready.configure.get("tars.application.server.localip");
  ready.addServant(Echo, "Clients.EchoServer.EchoObj");
});
server.start();
