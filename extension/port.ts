/** The name of a relay's port to the worker, different from the ports of an extension that has imported us. */
export const RELAY_PORT = "tabtape_relay";
