// Access log of nginx in the format `combined`, with or without `$request_time` behind it.

var NGINX = new RegExp(
  '^(\\S+) \\S+ (.+?) \\[(\\d\\d)/([A-Z][a-z]{2})/(\\d{4}):(\\d\\d:\\d\\d:\\d\\d) ([+-]\\d\\d)(\\d\\d)\\] ' +
  '"((?:[^"\\\\]|\\\\.)*)" (\\d{3}) (\\d+|-)(?: "((?:[^"\\\\]|\\\\.)*)" "((?:[^"\\\\]|\\\\.)*)")?(?: (\\d+\\.\\d+))?.*$');
var MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function readLine(line) {
  var part = NGINX.exec(line);
  var month = part === null ? -1 : MONTHS.indexOf(part[4]);
  if (month < 0) { return { reason: "nginx: not a line of the format combined" }; }
  var status = +part[10];
  var doc = {
    timestamp: part[5] + "-" + (month < 9 ? "0" : "") + (month + 1) + "-" + part[3] + "T" + part[6] + part[7] + ":" + part[8],
    level: status >= 500 ? "ERROR" : status >= 400 ? "WARN" : "INFO",
    service: SETTINGS.service,
    trace_id: null,
    message: line,
    http: { status: status },
    attributes: {}
  };
  // nginx writes the client's name where it was told to look it up.
  if (IPV4.test(part[1]) || isIPv6(part[1])) { doc.client_ip = part[1]; } else { doc.attributes.client = part[1]; }
  // What is no request (a TLS handshake on a plain port) stands in the message only.
  var request = /^([A-Z]+) (\S+)(?: (HTTP\/[\d.]+))?$/.exec(part[9]);
  if (request !== null) {
    doc.http.method = request[1];
    doc.attributes.path = request[2];
    if (request[3]) { doc.attributes.protocol = request[3]; }
  }
  if (part[11] !== "-") { doc.attributes.bytes = +part[11]; }
  if (part[2] !== "-") { doc.attributes.user = part[2]; }
  if (part[12] && part[12] !== "-") { doc.attributes.referrer = part[12]; }
  if (part[13] && part[13] !== "-") { doc.attributes.agent = part[13]; }
  if (part[14]) { doc.duration_ms = Math.round(+part[14] * 1000); }
  return { doc: doc };
}
