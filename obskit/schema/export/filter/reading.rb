# --- Reading a line -------------------------------------------------------------------------

# The json filter has parsed the line already. What it takes without a word is looked at here.
def checked(line, doc)
  return [nil, "json: more than " + @limits[:nesting].to_s + " levels of nesting"] if line.bytesize > @limits[:nesting] && deep?(line)
  # Of half a surrogate pair it keeps the text before it.
  return [nil, "json: half a surrogate pair"] if line.include?("\\u") && lone_surrogate?(line)
  unless doc.is_a?(Hash)
    whole = doc.nil? ? line.strip == "null" : one_value?(line)
    return [nil, whole ? "json: not an object" : "json: not valid"]
  end
  return [nil, "json: not valid"] if several?(line)
  # A number that a double cannot hold is kept as text, digit for digit: the parser sees it in quotes.
  doc = LogStash::Json.load(line.gsub(@tokens) { |token| quoted(token) }) if inexact?(doc)
  [doc, nil]
end

# Of several values in one line it keeps the last. The first of them is no object, or something stands behind
# an object that is no part of what is around it; where that may be inside of a text, a parser tells.
def several?(line)
  !line.match?(@object) || (line.match?(@behind) && !one_value?(line))
end

def one_value?(line)
  JSON.parse(line.delete_prefix("\uFEFF"), max_nesting: false)
  true
rescue JSON::ParserError
  false
end

def deep?(line)
  return false if line.count("[{") <= @limits[:nesting]
  depth = 0
  line.scan(@brackets) do |found|
    case found
    when "[", "{" then depth += 1
    when "]", "}" then depth -= 1
    end
    return true if depth > @limits[:nesting]
  end
  false
end

# A stack of its own: a worker has not enough for hundreds of levels.
def inexact?(doc)
  waiting = [doc]
  while (item = waiting.pop)
    (item.is_a?(Hash) ? item.values : item).each do |value|
      case value
      when String, true, false, nil then next
      when Integer then return true if value.abs > @exact
      when Numeric then return true unless value.to_f.finite?
      else waiting << value
      end
    end
  end
  false
end

def quoted(token)
  return token if token.start_with?("\"")
  exact = token.match?(/\A-?\d+\z/) ? token.to_i.abs <= @exact : token.to_f.finite?
  exact ? token : "\"" + token + "\""
end

def lone_surrogate?(line)
  return false unless line.match?(/\\u[dD][89a-fA-F]/)
  awaited = nil # where the second half has to stand
  line.scan(@escape) do |hex,|
    at = Regexp.last_match.begin(0)
    unit = hex ? hex.to_i(16) : 0
    second = unit >= 0xDC00 && unit <= 0xDFFF
    return true if second != (awaited == at) || (awaited && !second)
    awaited = unit >= 0xD800 && unit <= 0xDBFF ? at + 6 : nil
  end
  !awaited.nil?
end
