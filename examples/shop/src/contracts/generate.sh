#!/bin/sh
# Writes the messages of ../../proto/shop.proto as C# records into out/Messages.cs.
# Comments and field numbers leave no trace in it: a change of those gives the same artifact, and nothing that uses it is built again.
set -eu
mkdir -p out
awk '
  function pascal(text,   words, count, i, result) {
    count = split(text, words, "_")
    for (i = 1; i <= count; i++) result = result toupper(substr(words[i], 1, 1)) substr(words[i], 2)
    return result
  }
  BEGIN { print "namespace Shop.Contracts;"; types["int32"] = "int"; types["string"] = "string"; types["bool"] = "bool" }
  /^[ \t]*\/\// { next }
  $1 == "message" { name = $2; fields = ""; next }
  $1 == "}" && name != "" { printf "\npublic sealed record %s(%s);\n", name, fields; name = ""; next }
  name != "" && NF >= 4 {
    many = ($1 == "repeated")
    type = many ? $2 : $1
    field = many ? $3 : $2
    if (type in types) type = types[type]
    if (many) type = "IReadOnlyList<" type ">"
    fields = fields (fields == "" ? "" : ", ") type " " pascal(field)
  }
' ../../proto/shop.proto > out/Messages.cs.new
grep -q record out/Messages.cs.new || { echo "no message found in proto/shop.proto" >&2; exit 1; }
mv out/Messages.cs.new out/Messages.cs
