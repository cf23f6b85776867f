# --- Logstash: what the filter calls --------------------------------------------------------

def apply(event)
  line = event.get("[@metadata][line]")
  if line.is_a?(String) && line.match?(/\A\uFEFF?[ \t-\r]*\z/)
    event.cancel
    return
  end
  # What the input and the shipper say beside the line: read once, every look at the event costs.
  shipped = event.to_hash
  known = known_of(shipped)
  document, reasons, millis = outcome(line, event, shipped["obskit"], known)
  original = line
  unless line.is_a?(String)
    event.set("message", line) unless line.nil?
    original = event.to_json
  end
  # A key with a bracket is read as a path: it names something else, or nothing at all.
  shipped.each_key { |key| event.remove(key) unless key == "@timestamp" || key.include?("[") }
  event.remove("[@metadata][doc]")
  event.remove("[@metadata][line]")
  if reasons.empty?
    merge_shipper(document, origin_of(shipped))
    event.timestamp = LogStash::Timestamp.at(millis / 1000, millis % 1000 * 1000) if millis
  else
    document = quarantined(original, document, reasons)
  end
  document.each { |key, value| event.set(key, value) }
  dataset = reasons.empty? ? dataset_of(document["service"]) : @settings[:quarantine]
  event.set("data_stream", {
    "type" => "logs", "dataset" => @settings[:prefix] + dataset, "namespace" => @settings[:namespace]
  })
end

# A mistake of ours must not lose a line, nor a line of thousands of brackets the worker.
def outcome(line, event, sent, known)
  return [{}, [line.nil? ? "line: missing" : "line: not text"], nil] unless line.is_a?(String)
  sent = {} unless sent.is_a?(Hash)
  # Bytes that are no UTF-8 become U+FFFD in Filebeat; our inputs mark a line that really has one.
  if sent["format"] && !sent["replacement"] && line.include?("\uFFFD")
    return [{}, ["line: not UTF-8"], nil]
  end
  format = @formats[sent["format"]]
  doc, reason = format ? format.call(line, sent["service"], self) : checked(line, event.get("[@metadata][doc]"))
  reason ? [{}, [reason], nil] : normalise(doc, known)
rescue StandardError, SystemStackError => error
  [{}, ["filter: " + error.class.to_s + ": " + error.message.to_s], nil]
end

# The host that shipped the line, and what obskit.yml says of the service whose line it is: Filebeat
# sends that along; for other inputs it is the settings of this pipeline.
def known_of(shipped)
  host = shipped["host"]
  host = host["hostname"] || host["name"] if host.is_a?(Hash)
  sent = shipped["obskit"]
  sent = {} unless sent.is_a?(Hash)
  known = {}
  known["host"] = host if host.is_a?(String) && !host.empty?
  environment = sent["environment"] || @settings[:environment]
  known["environment"] = environment if environment.is_a?(String) && !environment.empty?
  known["version"] = sent["version"] if sent["version"].is_a?(String) && !sent["version"].empty?
  known
end

# What Kubernetes and Docker metadata processors know of the place the line came from.
def origin_of(shipped)
  found = {}
  @origin.each do |name, *path|
    next unless shipped.key?(path[0])
    value = path.inject(shipped) { |holder, key| holder.is_a?(Hash) ? holder[key] : nil }
    found[name] ||= value if value.is_a?(String) && !value.empty?
  end
  found
end

def merge_shipper(document, origin)
  return if origin.empty?
  attributes = (document[@settings[:attributes]] ||= {})
  attributes["shipper"] = {} unless attributes["shipper"].is_a?(Hash)
  attributes["shipper"].update(origin)
end

def quarantined(line, document, reasons)
  kept = { "message" => line, "reasons" => reasons,
           "error" => { "type" => "schema", "message" => reasons.join("; ") } }
  kept["service"] = document["service"] if document["service"].is_a?(String)
  kept
end

def dataset_of(service)
  dataset = service.downcase.tr("^a-z0-9_", "_")
  dataset += "_" if dataset == @settings[:quarantine]
  dataset[0, @limits[:service]]
end
