# --- The whole line -------------------------------------------------------------------------

def normalise(doc, known)
  document, reasons, declared, span, millis = {}, [], {}, nil, nil
  candidates = candidates_of(doc)
  @fields.each_with_index do |field, index|
    places = candidates[index]
    found = places && find(doc, field, places)
    if found.nil?
      reasons << (field[:name] + ": missing") if field[:required]
      next
    end
    name, holder, key, way = found
    value = holder[key]
    if field[:name] == @settings[:attributes]
      take(holder, key, way)
      declared = value.is_a?(Hash) ? value : { field[:name] => value } unless value.nil?
      next
    end
    if value.nil?
      take(holder, key, way)
      if !field[:nullable] then reasons << (field[:name] + ": null")
      elsif field[:required] then set(document, field[:path], nil)
      end
      next
    end
    if name == "traceparent" && value.is_a?(String) && (parts = @traceparent.match(value))
      value, span = parts[1], parts[2]
    end
    value = level_of(field, value, document) if field[:synonyms]
    value, reason, instant = read(field, value)
    if reason
      reasons << (field[:name] + ": " + reason)
      next
    end
    take(holder, key, way)
    millis = instant if field[:name] == "timestamp"
    set(document, field[:path], value)
  end
  document["span_id"] = span if span && !document.key?("span_id")
  known.each { |name, value| document[name] = value unless document.key?(name) }
  attributes = collect(doc, declared)
  marks = known.reject { |name, value| name == "host" || document[name] == value }
  attributes["shipper"] = marks unless marks.empty?
  unless attributes.empty?
    cut = []
    attributes = bounded(attributes, 1, "", cut)
    attributes[@settings[:cut]] = cut unless cut.empty?
    document[@settings[:attributes]] = attributes
  end
  [document, reasons, millis]
end
