# Standard error of a Python program: lines of logging.basicConfig, tracebacks, and whatever else is printed.
# The lines of one traceback arrive as one event: Filebeat joins them.
begin
  logged_form = /\A(DEBUG|INFO|WARNING|ERROR|CRITICAL):([^:\n]*):([^\n]*)/
  raised_form = /\A([A-Za-z_][\w.]*)(?:: ?(.*))?\z/
  lambda do |text, service, _engine|
    text = text[/\A(?:.*[^ \t-\r])?/m] # rstrip would take a NUL as well
    logged = logged_form.match(text)
    doc = {
      "timestamp" => Time.now.utc.strftime("%Y-%m-%dT%H:%M:%S.%LZ"), # the text has none: the time of arrival
      "level" => logged ? logged[1] : "INFO", "service" => service, "trace_id" => nil,
      "message" => logged ? logged[3] : text.lines.first.to_s.chomp
    }
    doc["logger"] = logged[2] if logged && !logged[2].empty?
    if (at = text.index(/^Traceback \(most recent call last\):$/))
      doc["level"] = "ERROR" if %w[INFO DEBUG].include?(doc["level"])
      doc["error"] = { "stack" => text[at..] }
      # The exception stands on the last line that is not indented; its message may go on below.
      raised = nil
      text[at..].each_line(chomp: true) do |line|
        raised = raised_form.match(line) || raised unless line.match?(/\A(?:[ \t]|Traceback \(|During handling of|The above exception)/)
      end
      if raised
        doc["error"]["type"] = raised[1]
        doc["error"]["message"] = raised[2] if raised[2] && !raised[2].empty?
        doc["message"] = raised[0] if at == 0
      end
    end
    [doc, nil]
  end
end
