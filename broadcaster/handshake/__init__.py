"""HTTP before the WebSocket: authentication, throttle and handover of the socket."""
