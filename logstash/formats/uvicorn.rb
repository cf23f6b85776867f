# What uvicorn prints with its own formatters: access lines, its other lines, and tracebacks below them.
begin
  access_form = %r{\A(\w+):\s+(?:(\S+):\d+|-) - "([A-Z]+) (\S+) (HTTP/[\d.]+)" (\d{3})(?: .*)?\z}
  other_form = /\A(TRACE|DEBUG|INFO|WARNING|ERROR|CRITICAL):\s+([^\n]*)/
  lambda do |text, service, engine|
    text = text[/\A(?:.*[^ \t-\r])?/m] # rstrip would take a NUL as well
    # It prints no time: the time of arrival.
    doc = { "timestamp" => Time.now.utc.strftime("%Y-%m-%dT%H:%M:%S.%LZ"), "service" => service, "trace_id" => nil }
    if (access = access_form.match(text))
      status = access[6].to_i
      doc["level"] = status >= 500 ? "ERROR" : status >= 400 ? "WARN" : "INFO"
      doc["message"] = text
      doc["http"] = { "method" => access[3], "status" => status }
      doc["attributes"] = { "path" => access[4], "protocol" => access[5] }
      if access[2]
        engine.address?(access[2]) ? doc["client_ip"] = access[2] : doc["attributes"]["client"] = access[2]
      end
      next [doc, nil]
    end
    other = other_form.match(text)
    next [nil, "uvicorn: not a line of uvicorn"] if other.nil?
    doc["level"], doc["message"] = other[1], other[2]
    at = text.index("Traceback (most recent call last):")
    doc["error"] = { "stack" => text[at..] } if at
    [doc, nil]
  end
end
