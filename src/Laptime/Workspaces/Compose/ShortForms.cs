using System.Globalization;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces.Compose;

/// <summary>
/// The short forms of one file to the long ones, so that files can be joined and read in one form only: ports, volumes, configs, secrets, environment,
/// labels, networks, depends_on, healthcheck and build. What is not known stays as it is.
/// </summary>
internal sealed class ShortForms(ProblemCollector problems)
{
    /// <summary>Keys of a service that are a mapping of texts, also written as a list of NAME=value.</summary>
    private static readonly string[] TextMaps = ["environment", "labels", "sysctls", "annotations"];

    /// <summary>Keys of a service that are a list of texts, also written as one text.</summary>
    private static readonly string[] TextLists = ["dns", "dns_search", "tmpfs"];

    public ComposeNode Project(ComposeNode root)
    {
        foreach (var section in (ReadOnlySpan<string>)["networks", "volumes", "configs", "secrets"])
        {
            if (root.Given(section) is { Kind: YamlKind.Map } resources)
            {
                foreach (var entry in resources.Entries)
                {
                    if (entry.Value.Given("labels") is { } labels)
                    {
                        resources = resources.With(entry.Key, entry.Value.With("labels", TextMap(labels, "labels")));
                    }
                }

                root = root.With(section, resources);
            }
        }

        if (root.Given("services") is { Kind: YamlKind.Map } services)
        {
            var entries = new List<ComposeEntry>(services.Entries.Count);
            foreach (var entry in services.Entries)
            {
                entries.Add(entry.Value.Kind == YamlKind.Map && !entry.Key.StartsWith(KeySet.OwnPrefix, StringComparison.Ordinal) ? entry with { Value = Service(entry.Value) } : entry);
            }

            root = root.With("services", services with { Entries = entries });
        }

        return root;
    }

    private ComposeNode Service(ComposeNode service)
    {
        foreach (var key in TextMaps)
        {
            Change(key, node => TextMap(node, key));
        }

        foreach (var key in TextLists)
        {
            Change(key, static node => node.Kind == YamlKind.Scalar ? ComposeNode.List([node], node.At) : node);
        }

        Change("ports", node => Each(node, "ports", Ports));
        Change("volumes", node => Each(node, "volumes", item => [Mount(item)]));
        Change("configs", node => Each(node, "configs", Reference));
        Change("secrets", node => Each(node, "secrets", Reference));
        Change("networks", node => node.Kind == YamlKind.List ? Keys(node, "networks", static (name, _) => ComposeNode.Scalar("", name.At, plain: true)) : node);
        Change("depends_on", node => node.Kind == YamlKind.List
            ? Keys(node, "depends_on", static (name, _) => ComposeNode.Map([new ComposeEntry("condition", name.At, ComposeNode.Scalar("service_started", name.At))], name.At))
            : node);
        Change("build", static node => node.Kind == YamlKind.Scalar ? ComposeNode.Map([new ComposeEntry("context", node.At, node)], node.At) : node);
        Change("healthcheck", static node => node.Given("test") is { Kind: YamlKind.Scalar } test
            ? node.With("test", ComposeNode.List([ComposeNode.Scalar("CMD-SHELL", test.At), test], test.At))
            : node);
        Change("deploy", node => node.Given("labels") is { } labels ? node.With("labels", TextMap(labels, "labels")) : node);
        if (service.Given("build") is { Kind: YamlKind.Map } build && build.Given("args") is { } args)
        {
            service = service.With("build", build.With("args", TextMap(args, "args")));
        }

        return service;

        void Change(string key, Func<ComposeNode, ComposeNode> change)
        {
            if (service.Given(key) is { } node)
            {
                service = service.With(key, change(node) with { Tag = node.Tag });
            }
        }
    }

    private ComposeNode Each(ComposeNode list, string key, Func<ComposeNode, IReadOnlyList<ComposeNode>> change)
    {
        if (list.Kind != YamlKind.List)
        {
            problems.Add(list.At, $"`{key}` must be a list, not {list.Describe()}", "write each entry in its own line, behind a `-`");
            return ComposeNode.List([], list.At);
        }

        var items = new List<ComposeNode>(list.Items.Count);
        foreach (var item in list.Items)
        {
            items.AddRange(change(item));
        }

        return list with { Items = items };
    }

    private ComposeNode Keys(ComposeNode list, string key, Func<ComposeNode, string, ComposeNode> value)
    {
        var entries = new List<ComposeEntry>(list.Items.Count);
        foreach (var item in list.Items)
        {
            if (item.Kind != YamlKind.Scalar || item.IsNull)
            {
                problems.Add(item.At, $"an entry of `{key}` must be a name, not {item.Describe()}", "for what needs more than a name, write a mapping instead of the list");
            }
            else if (!entries.Exists(e => e.Key == item.Text))
            {
                entries.Add(new ComposeEntry(item.Text, item.At, value(item, item.Text)));
            }
        }

        return ComposeNode.Map(entries, list.At);
    }

    /// <summary><c>[A=1, B]</c> and <c>{ A: 1, B: }</c> to the second form, every value a text; one without a value stays null: it is taken from outside.</summary>
    private ComposeNode TextMap(ComposeNode node, string key)
    {
        var entries = new List<ComposeEntry>();
        switch (node.Kind)
        {
            case YamlKind.List:
                foreach (var item in node.Items)
                {
                    if (item.Kind != YamlKind.Scalar || item.IsNull)
                    {
                        problems.Add(item.At, $"an entry of `{key}` must be `NAME=value`, not {item.Describe()}", "or write a mapping instead of the list");
                        continue;
                    }

                    var equals = item.Text.IndexOf('=');
                    var name = equals < 0 ? item.Text : item.Text[..equals];
                    var value = equals < 0
                        ? ComposeNode.Scalar("", item.At, plain: true)
                        : ComposeNode.Scalar(item.Text[(equals + 1)..], item.At);
                    entries.RemoveAll(e => e.Key == name);
                    entries.Add(new ComposeEntry(name, item.At, value));
                }

                break;
            case YamlKind.Map:
                foreach (var entry in node.Entries)
                {
                    if (entry.Value.Kind != YamlKind.Scalar)
                    {
                        problems.Add(entry.Value.At, $"`{key}.{ProblemList.Short(entry.Key)}` must be a text, not {entry.Value.Describe()}", "write its value behind the `:`");
                        continue;
                    }

                    entries.Add(entry.Value.IsNull || entry.Value.Tag is not null ? entry : entry with { Value = entry.Value with { Plain = false, Substituted = false } });
                }

                break;
            default:
                problems.Add(node.At, $"`{key}` must be a mapping or a list of `NAME=value`, not {node.Describe()}", "for example `A: \"1\"` in a line of its own");
                break;
        }

        return ComposeNode.Map(entries, node.At);
    }

    /// <summary><c>[[address:]published:]target[/protocol]</c>, each part also a range; several ports come of ranges.</summary>
    private IReadOnlyList<ComposeNode> Ports(ComposeNode node)
    {
        if (node.Kind == YamlKind.Map)
        {
            if (Range(node.TextOf("target") ?? "") is not { First: var target } || target < 1)
            {
                problems.Add(node.At, "a port needs `target`, the port in the container", "for example `{ target: 80, published: 8080 }`");
                return [];
            }

            // Published 0 is the engine's choice, as none is.
            return [node];
        }

        var text = node.Text;
        var protocol = "tcp";
        if (text.LastIndexOf('/') is >= 0 and var slash)
        {
            (text, protocol) = (text[..slash], text[(slash + 1)..].ToLowerInvariant());
        }

        var colon = text.LastIndexOf(':');
        var targets = Range(text[(colon + 1)..]);
        string? address = null;
        (int First, int Last)? published = null;
        var valid = node.Kind == YamlKind.Scalar && targets is not null && protocol is "tcp" or "udp" or "sctp";
        if (valid && colon >= 0)
        {
            var rest = text[..colon];
            var second = rest.LastIndexOf(':');
            address = second < 0 ? null : rest[..second].Trim('[', ']');
            var range = rest[(second + 1)..];
            published = Range(range);
            valid = published is not null || (range.Length == 0 && address is not null);
        }

        if (!valid)
        {
            problems.Add(node.At, $"{node.Describe()} is not a port", "`80`, `8080:80`, `127.0.0.1:8080:80` or `8080:80/udp`, in quotes");
            return [];
        }

        var (first, last) = targets!.Value;
        if (published is { } some && some.Last - some.First != last - first && first != last)
        {
            problems.Add(node.At, $"the ranges of {node.Describe()} have different lengths", "publish as many ports as there are targets");
            return [];
        }

        var ports = new List<ComposeNode>();
        for (var offset = 0; offset <= last - first; offset++)
        {
            var entries = new List<ComposeEntry> { Number("target", first + offset) };
            if (published is { } from)
            {
                // One target behind a range of ports: the engine takes a free one of them; it is written as it stands.
                entries.Add(first == last && from.First != from.Last
                    ? new ComposeEntry("published", node.At, ComposeNode.Scalar($"{from.First}-{from.Last}", node.At))
                    : Number("published", from.First + offset));
            }

            entries.Add(new ComposeEntry("protocol", node.At, ComposeNode.Scalar(protocol, node.At)));
            if (address is { Length: > 0 })
            {
                entries.Add(new ComposeEntry("host_ip", node.At, ComposeNode.Scalar(address, node.At)));
            }

            ports.Add(ComposeNode.Map(entries, node.At));
        }

        return ports;

        ComposeEntry Number(string key, int value) => new(key, node.At, ComposeNode.Scalar(value.ToString(CultureInfo.InvariantCulture), node.At, plain: true));
    }

    private static (int First, int Last)? Range(string text)
    {
        var dash = text.IndexOf('-');
        var (first, last) = dash < 0 ? (text, text) : (text[..dash], text[(dash + 1)..]);
        return Port(first) is { } from && Port(last) is { } to && from <= to && to - from <= 1000 ? (from, to) : null;

        static int? Port(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is >= 0 and < 65536 ? number : null;
    }

    /// <summary><c>[source:]target[:options]</c>. A source that starts with `.`, `/` or `~` is a path, any other the name of a volume.</summary>
    private ComposeNode Mount(ComposeNode node)
    {
        if (node.Kind == YamlKind.Map)
        {
            if (node.TextOf("target") is null)
            {
                problems.Add(node.At, "a volume needs `target`, its path in the container", "for example `{ type: volume, source: data, target: /data }`");
            }

            return node.Given("type") is null ? node.With("type", ComposeNode.Scalar("volume", node.At)) : node;
        }

        var parts = node.Text.Split(':');
        if (node.Kind != YamlKind.Scalar || node.Text.Length == 0 || parts.Length > 3 || Array.Exists(parts, static p => p.Length == 0))
        {
            problems.Add(node.At, $"{node.Describe()} is not a volume", "`name:/path`, `./folder:/path` or `./folder:/path:ro`");
            return ComposeNode.Map([], node.At);
        }

        var (source, target) = parts.Length == 1 ? (null, parts[0]) : (parts[0], parts[1]);
        var bind = source is not null && source[0] is '.' or '/' or '~';
        var entries = new List<ComposeEntry> { Text("type", bind ? "bind" : "volume") };
        if (source is not null)
        {
            entries.Add(Text("source", source));
        }

        entries.Add(Text("target", target));
        foreach (var option in parts.Length == 3 ? parts[2].Split(',') : [])
        {
            switch (option)
            {
                case "ro":
                    entries.Add(new ComposeEntry("read_only", node.At, ComposeNode.Scalar("true", node.At, plain: true)));
                    break;
                case "nocopy":
                    entries.Add(new ComposeEntry("volume", node.At, ComposeNode.Map([new ComposeEntry("nocopy", node.At, ComposeNode.Scalar("true", node.At, plain: true))], node.At)));
                    break;
                case "rprivate" or "private" or "rshared" or "shared" or "rslave" or "slave":
                    entries.Add(new ComposeEntry("bind", node.At, ComposeNode.Map([Text("propagation", option)], node.At)));
                    break;
            }
        }

        return ComposeNode.Map(entries, node.At);

        ComposeEntry Text(string key, string value) => new(key, node.At, ComposeNode.Scalar(value, node.At));
    }

    /// <summary>A config or secret by its name alone.</summary>
    private IReadOnlyList<ComposeNode> Reference(ComposeNode node)
    {
        if (node.Kind == YamlKind.Scalar && !node.IsNull)
        {
            return [ComposeNode.Map([new ComposeEntry("source", node.At, node)], node.At)];
        }

        if (node.TextOf("source") is null)
        {
            problems.Add(node.At, "a config or secret needs `source`, its name", "for example `{ source: app, target: /etc/app.conf }`");
            return [];
        }

        return [node];
    }
}
