// Standard error of a Go program: what the package log prints, and panics with their goroutines.
// The lines of one panic arrive as one event: see go.multiline.yml.

var PANIC = /^(?:.*?: )?(panic|fatal error)(?: serving [^\n]*?)?: ([^\n]*)/;

function readLine(text) {
  text = text.replace(/[ \t-\r]+$/, "");
  var panic = PANIC.exec(text.split("\n")[0]);
  var doc = {
    timestamp: new Date().toISOString(), // log prints local time without a zone: the time of arrival is certain
    level: panic === null ? "INFO" : "ERROR",
    service: SETTINGS.service,
    trace_id: null,
    message: text.split("\n")[0].replace(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d(?:\.\d+)? /, "")
  };
  if (panic !== null) { doc.error = { type: panic[1], message: panic[2], stack: text }; }
  return { doc: doc };
}
