// Standard error of a Python program: lines of logging.basicConfig, tracebacks, and whatever else is printed.
// The lines of one traceback arrive as one event: see python.multiline.yml.

var LOGGED = /^(DEBUG|INFO|WARNING|ERROR|CRITICAL):([^:\n]*):([^\n]*)/;
var RAISED = /^([A-Za-z_][\w.]*)(?:: ?(.*))?$/;

function readLine(text) {
  text = text.replace(/[ \t-\r]+$/, "");
  var first = text.split("\n")[0];
  var logged = LOGGED.exec(text);
  var doc = {
    timestamp: new Date().toISOString(), // the text has none: the time of arrival
    level: logged === null ? "INFO" : logged[1],
    service: SETTINGS.service,
    trace_id: null,
    message: logged === null ? first : logged[3]
  };
  if (logged !== null && logged[2] !== "") { doc.logger = logged[2]; }
  var begin = text.search(/^Traceback \(most recent call last\):$/m);
  if (begin >= 0) {
    if (doc.level === "INFO" || doc.level === "DEBUG") { doc.level = "ERROR"; }
    doc.error = { stack: text.substring(begin) };
    // The exception stands on the last line that is not indented; its message may go on below.
    var raised = null;
    text.substring(begin).split("\n").forEach(function (line) {
      if (!/^(?:[ \t]|Traceback \(|During handling of|The above exception)/.test(line)) { raised = RAISED.exec(line) || raised; }
    });
    if (raised !== null) {
      doc.error.type = raised[1];
      if (raised[2]) { doc.error.message = raised[2]; }
      if (begin === 0) { doc.message = raised[0]; }
    }
  }
  return { doc: doc };
}
