using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Workspaces;
using Laptime.Workspaces.Yaml;

namespace Laptime.Gates;

/// <summary>Nodes to a <see cref="GateSheet"/>: reads everything, tells every problem, and then checks what refers to what.</summary>
internal sealed class GateBinder(string file, ValueBinder values)
{
    private readonly string root = Path.GetDirectoryName(file)!;
    private readonly PathRule paths = new(Path.GetDirectoryName(file)!, values.Problems);

    private ProblemList Problems => values.Problems;

    /// <summary>Null: problems were told.</summary>
    public GateSheet? Bind(YamlNode node)
    {
        if (Fields.Of(node, node, "gates.yaml", GateKeys.Root, Problems) is not { } fields)
        {
            return null;
        }

        if (fields["version"] is { Value: { Kind: YamlKind.Scalar, Plain: true } written } && int.TryParse(written.Text, out var number) && number > 1)
        {
            Problems.Add(written, $"the file is written for a newer lap: version {number}; this one reads version 1", "update lap");
        }
        else
        {
            values.Integer(fields["version"]);
        }

        var items = Items(fields["items"]);
        var records = fields["records"] is { } folder && values.Scalar(folder.Value, folder.Name, folder.Key.Type, folder.Key.Example) is { } place ? Below(place, "records") : null;
        var sheet = new GateSheet
        {
            File = file, Root = root, Items = items, Records = records ?? "gates", Signed = values.Switch(fields["signed"]) ?? false,
            Tools = Texts(fields["tools"], static (v, key) => v.IsName(key, key.Text, "name of a tool")),
            Vars = values.Texts(fields["vars"], (n, name) => Variable(n) ? n.Text : null),
        };
        return Problems.Any ? null : sheet;
    }

    private List<GateItem> Items(Field? field)
    {
        var (items, places) = (new List<GateItem>(), new Dictionary<string, YamlNode>(StringComparer.Ordinal));
        var needs = new List<(string Id, YamlNode At)>();
        var nodes = values.Items(field);
        if (field is not null && nodes.Count == 0 && field.Value is { Kind: YamlKind.List })
        {
            Problems.Add(field.Value, "`items` is empty: nothing would be checked", GateFile.First);
        }

        foreach (var node in nodes)
        {
            if (Fields.Of(node, node, "an item", GateKeys.Item, Problems) is not { } fields)
            {
                continue;
            }

            var id = values.Name(fields["id"]);
            if (id is not null && places.FirstOrDefault(p => string.Equals(p.Key, id, StringComparison.OrdinalIgnoreCase)) is { Value: { } first })
            {
                // Their records would lie in one folder where file names are equal in any case.
                Problems.Add(fields["id"]!.Value, $"there are two items `{id}`: the other is in line {first.Line}", "rename one");
                continue;
            }

            if (id == "evidence")
            {
                Problems.Add(fields["id"]!.Value, "no item can be called `evidence`: kept files lie in a folder of that name", "choose another id");
            }

            if (id is not null)
            {
                places[id] = fields["id"]!.Value;
            }

            if (Item(id, fields) is { } item)
            {
                items.Add(item);
                needs.AddRange(values.Items(fields["needs"]).Where(n => n.Kind == YamlKind.Scalar && item.Needs.Contains(n.Text)).Select(n => (item.Id, n)));
            }
        }

        if (!Problems.Any)
        {
            Refer(items, needs);
        }

        return items;
    }

    private GateItem? Item(string? id, Fields fields)
    {
        var (text, check, timeout) = (values.Text(fields["text"]), Check(fields["check"]), values.Span(fields["timeout"]));
        var item = new GateItem
        {
            Id = id ?? "", Text = text ?? "", Check = check ?? [], Shell = fields["check"]?.Value.Kind != YamlKind.List, Timeout = timeout ?? TimeSpan.FromMinutes(10),
            Inputs = values.Texts(fields["inputs"], (n, name) => Pattern(n, name, inside: false)),
            Evidence = values.Texts(fields["evidence"], (n, name) => Pattern(n, name, inside: true)),
            Needs = values.Texts(fields["needs"], static (n, _) => n.Text),
            Same = fields["same"] is { } same ? [.. values.Items(same).Select(n => values.Choice(n, same.Name, Words(same))).OfType<int>().Select(i => (GateSame)i).Distinct()] : [GateSame.Evidence],
            Env = Texts(fields["env"], (_, key) => Variable(key)),
        };
        return id is null || text is null || check is null ? null : item;
    }

    private static KeyType.Choice Words(Field field) => (KeyType.Choice)((KeyType.Many)field.Key.Type).Of;

    private List<string>? Check(Field? field)
    {
        if (field is null)
        {
            return null;
        }

        if (field.Value.Kind != YamlKind.List)
        {
            return values.Scalar(field.Value, field.Name, field.Key.Type, field.Key.Example) is { } text && Says(text) ? [text.Text] : null;
        }

        if (field.Value.Items.Count == 0)
        {
            Problems.Add(field.Value, "`check` is an empty list: the first item is the program", "for example `check: [program, argument]`");
            return null;
        }

        var parts = field.Value.Items.Select(i => values.Scalar(i, field.Name, new KeyType.Text())).ToList();
        return parts.All(p => p is not null) && Says(parts[0]!) ? [.. parts.Select(p => p!.Text)] : null;

        bool Says(YamlNode node)
        {
            if (node.Text.Trim().Length == 0 || node.Text.Contains('\0'))
            {
                Problems.Add(node, "`check` is empty: it must be a command", "write the command that shows that the item is done");
                return false;
            }

            return true;
        }
    }

    /// <summary>Every need is an item, and none leads back to itself.</summary>
    private void Refer(List<GateItem> items, List<(string Id, YamlNode At)> needs)
    {
        foreach (var (_, at) in needs.Where(n => items.TrueForAll(i => i.Id != n.At.Text)))
        {
            Problems.Add(at, $"there is no item `{ProblemList.Short(at.Text)}`", ProblemList.Suggest(at.Text, items.ConvertAll(static i => i.Id)));
        }

        if (Problems.Any)
        {
            return;
        }

        foreach (var (id, at) in needs)
        {
            if (Reaches(at.Text, id, []))
            {
                Problems.Add(at, at.Text == id ? $"`{id}` needs itself" : $"`{id}` needs `{at.Text}`, which needs `{id}`", "remove one of the two");
                return;
            }
        }

        bool Reaches(string from, string to, HashSet<string> seen) =>
            from == to || (seen.Add(from) && items.Find(i => i.Id == from)!.Needs.Any(n => Reaches(n, to, seen)));
    }

    private string? Pattern(YamlNode node, string name, bool inside)
    {
        if (paths.Glob(node, name, root) is not { } pattern)
        {
            return null;
        }

        if (inside && (pattern.StartsWith("../", StringComparison.Ordinal) || pattern.StartsWith("!../", StringComparison.Ordinal) || pattern is ".."))
        {
            Problems.Add(node, $"`{name}` must stay inside the folder of gates.yaml: `{ProblemList.Short(node.Text)}` leaves it", "let the check write into the folder");
            return null;
        }

        try
        {
            InputPatterns.Compile("", [pattern]);
            return pattern;
        }
        catch (LapException e)
        {
            Problems.Add(node, e.Problems[0].What, e.Problems[0].Mend);
            return null;
        }
    }

    private string? Below(YamlNode node, string name)
    {
        if (paths.Path(node, name, root) is not { } path)
        {
            return null;
        }

        if (path.Length > 0 && !path.StartsWith("..", StringComparison.Ordinal))
        {
            return path;
        }

        Problems.Add(node, $"`{name}` must be a folder of its own, below that of gates.yaml", $"for example `{name}: gates`");
        return null;
    }

    private Dictionary<string, string> Texts(Field? field, Func<ValueBinder, YamlNode, bool> check) =>
        field is null ? [] : CommandBinder.Texts(values, field).Where(e => check(values, e.Key)).ToDictionary(e => e.Key.Text, e => e.Value.Text, StringComparer.Ordinal);

    private bool Variable(YamlNode node)
    {
        if (ValueBinder.IsVariable(node.Text))
        {
            return true;
        }

        Problems.Add(node, $"`{ProblemList.Short(node.Text)}` is not a name of an environment variable", "letters, digits and `_`, not starting with a digit");
        return false;
    }
}
