// What uvicorn prints with its own formatters: access lines, its other lines, and tracebacks below them.

var ACCESS = /^(\w+):\s+(?:(\S+):\d+|-) - "([A-Z]+) (\S+) (HTTP\/[\d.]+)" (\d{3})(?: .*)?$/;
var OTHER = /^(TRACE|DEBUG|INFO|WARNING|ERROR|CRITICAL):\s+([^\n]*)/;

function readLine(text) {
  text = text.replace(/[ \t-\r]+$/, "");
  var doc = { timestamp: new Date().toISOString(), service: SETTINGS.service, trace_id: null }; // it prints no time
  var access = ACCESS.exec(text);
  if (access !== null) {
    var status = +access[6];
    doc.level = status >= 500 ? "ERROR" : status >= 400 ? "WARN" : "INFO";
    doc.message = text;
    doc.http = { method: access[3], status: status };
    doc.attributes = { path: access[4], protocol: access[5] };
    if (access[2]) {
      if (IPV4.test(access[2]) || isIPv6(access[2])) { doc.client_ip = access[2]; }
      else { doc.attributes.client = access[2]; }
    }
    return { doc: doc };
  }
  var other = OTHER.exec(text);
  if (other === null) { return { reason: "uvicorn: not a line of uvicorn" }; }
  doc.level = other[1];
  doc.message = other[2];
  var begin = text.indexOf("Traceback (most recent call last):");
  if (begin >= 0) { doc.error = { stack: text.substring(begin) }; }
  return { doc: doc };
}
