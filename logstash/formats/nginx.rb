# Access log of nginx in the format `combined`, with or without `$request_time` behind it.
begin
  months = %w[Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec]
  line_form = %r{\A(\S+) \S+ (.+?) \[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-)(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?(?: (\d+\.\d+))?.*\z}
  request_form = %r{\A([A-Z]+) (\S+)(?: (HTTP/[\d.]+))?\z}
  lambda do |line, service, engine|
    part = line_form.match(line)
    month = part && months.index(part[4])
    next [nil, "nginx: not a line of the format combined"] if month.nil?
    status = part[10].to_i
    attributes, http = {}, { "status" => status }
    doc = {
      "timestamp" => part[5] + "-" + (month + 1).to_s.rjust(2, "0") + "-" + part[3] + "T" + part[6] + part[7] + ":" + part[8],
      "level" => status >= 500 ? "ERROR" : status >= 400 ? "WARN" : "INFO",
      "service" => service, "trace_id" => nil, "message" => line, "http" => http, "attributes" => attributes
    }
    # nginx writes the name of the client where it was told to look it up.
    engine.address?(part[1]) ? doc["client_ip"] = part[1] : attributes["client"] = part[1]
    # What is no request (a TLS handshake on a plain port) stands in the message only.
    if (request = request_form.match(part[9]))
      http["method"], attributes["path"] = request[1], request[2]
      attributes["protocol"] = request[3] if request[3]
    end
    attributes["bytes"] = part[11].to_i unless part[11] == "-"
    attributes["user"] = part[2] unless part[2] == "-"
    attributes["referrer"] = part[12] if part[12] && !part[12].empty? && part[12] != "-"
    attributes["agent"] = part[13] if part[13] && !part[13].empty? && part[13] != "-"
    doc["duration_ms"] = (part[14].to_f * 1000).round if part[14]
    [doc, nil]
  end
end
