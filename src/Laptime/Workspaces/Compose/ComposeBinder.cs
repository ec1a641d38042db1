using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Laptime.Foundations;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces.Compose;

/// <summary>Joined nodes to a <see cref="ComposeProject"/>: what Laptime acts on gets its type, and contents of configs and secrets are read.</summary>
internal sealed class ComposeBinder(ComposeNode root, string directory, Func<string, string?> lookup, ProblemCollector problems, Func<string, string?>? refuse = null)
{
    private static readonly string[] NotSettings = ["build", "depends_on", "profiles", "extends", "container_name", "image", "environment", "develop", "pull_policy"];

    private readonly Dictionary<string, ComposeResource> networks = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ComposeResource> volumes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ComposeContent> configs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ComposeContent> secrets = new(StringComparer.Ordinal);

    public ComposeProject Bind()
    {
        Resources("networks", networks);
        Resources("volumes", volumes);
        Contents("configs", configs);
        Contents("secrets", secrets);
        var services = new List<ComposeService>();
        var names = root["services"]!.Entries.Select(static e => e.Key).ToHashSet(StringComparer.Ordinal);
        foreach (var entry in root["services"]!.Entries)
        {
            services.Add(Service(entry, names));
        }

        RefuseCircles(services);
        return new ComposeProject
        {
            Directory = directory,
            Name = root.TextOf("name"),
            Services = services,
            Networks = [.. networks.Values],
            Volumes = [.. volumes.Values],
            Configs = [.. configs.Values],
            Secrets = [.. secrets.Values],
            SwarmEvidence = SwarmEvidence(),
            Root = root,
        };
    }

    private void RefuseCircles(List<ComposeService> services)
    {
        var done = new HashSet<string>(StringComparer.Ordinal);
        foreach (var service in services)
        {
            Visit(service, []);
        }

        void Visit(ComposeService service, List<string> above)
        {
            if (above.IndexOf(service.Name) is >= 0 and var from)
            {
                problems.Add(service.At, $"services wait for each other: {string.Join(" → ", above[from..])} → {service.Name}", "take one of the `depends_on` away");
                return;
            }

            if (!done.Contains(service.Name))
            {
                above.Add(service.Name);
                foreach (var needed in service.DependsOn.Keys)
                {
                    if (services.Find(s => s.Name == needed) is { } next)
                    {
                        Visit(next, above);
                    }
                }

                above.RemoveAt(above.Count - 1);
                done.Add(service.Name);
            }
        }
    }

    private string? SwarmEvidence()
    {
        foreach (var section in (ReadOnlySpan<string>)["configs", "secrets"])
        {
            if (root.Given(section) is { Entries: [var first, ..] })
            {
                return $"it has {section} ({first.KeyAt})";
            }
        }

        foreach (var service in root["services"]!.Entries)
        {
            if (service.Value.Entries.FirstOrDefault(static e => e.Key == "deploy") is { } deploy)
            {
                return $"service {service.Key} has `deploy` ({deploy.KeyAt})";
            }
        }

        return null;
    }

    private ComposeService Service(ComposeEntry entry, HashSet<string> names)
    {
        var node = entry.Value;
        var build = node.Given("build");
        if (build is null && node.TextOf("image") is not { Length: > 0 } && node.Given("provider") is null)
        {
            problems.Add(entry.KeyAt, $"service `{entry.Key}` has neither `image` nor `build`", "give it one of them");
        }

        var depends = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var needed in node.Given("depends_on")?.Entries ?? [])
        {
            if (names.Contains(needed.Key))
            {
                depends[needed.Key] = needed.Value.TextOf("condition") ?? "service_started";
            }
            else if (Flag(needed.Value, "required") is not false)
            {
                problems.Add(needed.KeyAt, $"service `{entry.Key}` depends on `{ProblemList.Short(needed.Key)}`, which is no active service", ProblemList.Suggest(needed.Key, [.. names.Where(n => n != entry.Key)]));
            }
        }

        var used = Networks(node, entry.Key);
        var (configsUsed, secretsUsed) = (References(node, "configs", configs), References(node, "secrets", secrets));
        var mounts = Mounts(node);
        var deploy = node.Given("deploy");
        return new ComposeService
        {
            Name = entry.Key,
            At = entry.KeyAt,
            Image = node.TextOf("image"),
            Build = build is null ? null : new ComposeBuild(
                build.TextOf("context") ?? ".", build.TextOf("dockerfile") ?? "Dockerfile", build.TextOf("target"), Texts(build.Given("args"), passed: true), build.At),
            Command = Words(node.Given("command")),
            Entrypoint = Words(node.Given("entrypoint")),
            Environment = Texts(node.Given("environment"), passed: false),
            Labels = Texts(node.Given("labels"), passed: false),
            Ports = [.. (node.Given("ports")?.Items ?? []).Select(Port)],
            Mounts = mounts,
            Networks = used,
            Configs = configsUsed,
            Secrets = secretsUsed,
            DependsOn = depends,
            RestartsWith = [.. (node.Given("depends_on")?.Entries ?? []).Where(e => depends.ContainsKey(e.Key) && Flag(e.Value, "restart") is true).Select(static e => e.Key)],
            Health = node.Given("healthcheck") is { } health ? Health(health) : null,
            StopGrace = Span(node, "stop_grace_period"),
            Replicas = Integer(deploy, "replicas") ?? Integer(node, "scale") ?? 1,
            Mode = deploy?.TextOf("mode") ?? "replicated",
            UpdateOrder = deploy?.Given("update_config")?.TextOf("order") ?? "stop-first",
            User = node.TextOf("user"),
            WorkingDirectory = node.TextOf("working_dir"),
            Restart = node.TextOf("restart"),
            ReadOnly = Flag(node, "read_only") ?? false,
            Init = Flag(node, "init"),
            Settings = Settings(node, build is not null, used, mounts, configsUsed, secretsUsed),
            Node = node,
        };
    }

    private SortedDictionary<string, string> Settings(
        ComposeNode node, bool built, IReadOnlyDictionary<string, IReadOnlyList<string>> used, List<ComposeMount> mounts, List<string> configsUsed, List<string> secretsUsed)
    {
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in node.Entries)
        {
            if (Array.IndexOf(NotSettings, entry.Key) < 0 && !entry.Value.IsNull)
            {
                settings[entry.Key] = ComposeJson.Canonical(entry.Value);
            }
        }

        if (!built)
        {
            settings["image"] = node.TextOf("image") ?? "";
        }

        foreach (var variable in node.Given("environment")?.Entries ?? [])
        {
            settings["environment." + variable.Key] = variable.Value.Text;
        }

        foreach (var network in used.Keys)
        {
            Definition("network." + network, networks.GetValueOrDefault(network)?.Node);
        }

        foreach (var mount in mounts)
        {
            if (mount is { Type: "volume", Source: { } source })
            {
                Definition("volume." + source, volumes.GetValueOrDefault(source)?.Node);
            }
        }

        foreach (var name in configsUsed)
        {
            settings["config." + name] = configs[name].Hash ?? "external " + configs[name].ActualName;
        }

        foreach (var name in secretsUsed)
        {
            settings["secret." + name] = secrets[name].Hash ?? "external " + secrets[name].ActualName;
        }

        return settings;

        void Definition(string key, ComposeNode? definition)
        {
            if (definition is not null)
            {
                settings[key] = ComposeJson.Canonical(definition);
            }
        }
    }

    private void Resources(string section, Dictionary<string, ComposeResource> into)
    {
        foreach (var entry in root.Given(section)?.Entries ?? [])
        {
            if (entry.Key.StartsWith(KeySet.OwnPrefix, StringComparison.Ordinal))
            {
                continue;
            }

            var (external, name) = External(entry.Value);
            into[entry.Key] = new ComposeResource(entry.Key, external, name ?? (external ? entry.Key : null), entry.Value.TextOf("driver"), Texts(entry.Value.Given("driver_opts"), passed: false), entry.KeyAt)
            {
                Node = entry.Value.IsNull ? null : entry.Value,
            };
        }
    }

    private void Contents(string section, Dictionary<string, ComposeContent> into)
    {
        foreach (var entry in root.Given(section)?.Entries ?? [])
        {
            if (entry.Key.StartsWith(KeySet.OwnPrefix, StringComparison.Ordinal))
            {
                continue;
            }

            var (external, name) = External(entry.Value);
            var content = external ? null : Content(entry);
            into[entry.Key] = new ComposeContent(entry.Key, external, name ?? (external ? entry.Key : null), content, entry.KeyAt)
            {
                Node = entry.Value, Hash = content is null ? null : HashOf(content, entry.Value),
            };
        }
    }

    private byte[]? Content(ComposeEntry entry)
    {
        if (entry.Value.TextOf("content") is { } text)
        {
            return Encoding.UTF8.GetBytes(text);
        }

        if (entry.Value.TextOf("environment") is { } variable)
        {
            if (lookup(variable) is { } value)
            {
                return Encoding.UTF8.GetBytes(value);
            }

            problems.Add(entry.KeyAt, $"the variable `{variable}` that is the content of `{entry.Key}` is not set", "set it, in the environment or in a file `.env` beside the compose file");
            return null;
        }

        if (entry.Value.TextOf("file") is not { Length: > 0 } file)
        {
            problems.Add(entry.KeyAt, $"`{entry.Key}` has no content", "give it `file`, `content` or `environment`, or `external: true` when it is there already");
            return null;
        }

        var full = Absolute(file);
        if (refuse?.Invoke(full) is { } why)
        {
            problems.Add(entry.Value["file"]!.At, $"`{entry.Key}`: {why}", "name a file of the project itself");
            return null;
        }

        try
        {
            return File.ReadAllBytes(full);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problems.Add(
                entry.Value["file"]!.At, Directory.Exists(full) ? $"`{ProblemList.Short(file)}` is a folder" : e is FileNotFoundException or DirectoryNotFoundException
                    ? $"the file `{ProblemList.Short(file)}` does not exist" : $"the file `{ProblemList.Short(file)}` cannot be read: {e.Message}",
                "create it, or correct `file`");
            return null;
        }
    }

    private static string HashOf(byte[] content, ComposeNode node)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(content);
        foreach (var key in (ReadOnlySpan<string>)["template_driver", "driver"])
        {
            if (node.TextOf(key) is { } text)
            {
                hash.AppendData(Encoding.UTF8.GetBytes($"\0{key}\0{text}"));
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 6));
    }

    private static (bool External, string? Name) External(ComposeNode node) => node.Given("external") switch
    {
        { Kind: YamlKind.Map } named => (true, named.TextOf("name")),
        { Kind: YamlKind.Scalar } flag => (ComposeJson.Boolean(flag.Text, loose: true) ?? false, node.TextOf("name")),
        _ => (false, node.TextOf("name")),
    };

    private Dictionary<string, IReadOnlyList<string>> Networks(ComposeNode service, string name)
    {
        var used = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        if (service.TextOf("network_mode") is not null)
        {
            return used;
        }

        foreach (var entry in service.Given("networks")?.Entries ?? [])
        {
            if (entry.Key != "default" && !networks.ContainsKey(entry.Key))
            {
                problems.Add(entry.KeyAt, $"service `{name}` uses the network `{ProblemList.Short(entry.Key)}`, which is not defined", ProblemList.Suggest(entry.Key, networks.Keys));
            }

            used[entry.Key] = [.. (entry.Value.Given("aliases")?.Items ?? []).Select(static a => a.Text)];
        }

        if (used.Count == 0)
        {
            used["default"] = [];
        }

        return used;
    }

    private List<string> References(ComposeNode service, string section, Dictionary<string, ComposeContent> defined)
    {
        var names = new List<string>();
        foreach (var item in service.Given(section)?.Items ?? [])
        {
            var source = item.TextOf("source")!;
            if (!defined.ContainsKey(source))
            {
                problems.Add(item.At, $"there is no `{ProblemList.Short(source)}` among the {section} of the file", ProblemList.Suggest(source, defined.Keys));
            }
            else if (!names.Contains(source))
            {
                names.Add(source);
            }
        }

        return names;
    }

    private List<ComposeMount> Mounts(ComposeNode service)
    {
        var mounts = new List<ComposeMount>();
        foreach (var item in service.Given("volumes")?.Items ?? [])
        {
            var (type, source) = (item.TextOf("type") ?? "volume", item.TextOf("source"));
            if (type == "volume" && source is not null && !volumes.ContainsKey(source))
            {
                problems.Add(item.At, $"the volume `{ProblemList.Short(source)}` is not defined", volumes.Count == 0 ? $"add `volumes: {{ {source}: }}` at the end of the file, or write a folder as `./{source}`" : ProblemList.Suggest(source, volumes.Keys));
            }

            mounts.Add(new ComposeMount(type, type == "bind" && source is not null ? Absolute(source) : source, item.TextOf("target") ?? "", Flag(item, "read_only") ?? false));
        }

        return mounts;
    }

    private ComposePort Port(ComposeNode node)
    {
        var published = node.TextOf("published") is { } text && int.TryParse(text.Split('-')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : (int?)null;
        return new ComposePort(Integer(node, "target") ?? 0, published, node.TextOf("protocol") ?? "tcp", node.TextOf("mode"), node.TextOf("host_ip"));
    }

    private ComposeHealth Health(ComposeNode node)
    {
        var test = (node.Given("test")?.Items ?? []).Select(static i => i.Text).ToList();
        return new ComposeHealth(
            test, Span(node, "interval"), Span(node, "timeout"), Span(node, "start_period"), Integer(node, "retries"), (Flag(node, "disable") ?? false) || test is ["NONE", ..]);
    }

    private Dictionary<string, string> Texts(ComposeNode? map, bool passed)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in map?.Entries ?? [])
        {
            if (entry.Value.Kind == YamlKind.Scalar && !entry.Value.IsNull)
            {
                texts[entry.Key] = entry.Value.Text;
            }
            else if (passed && lookup(entry.Key) is { } value)
            {
                texts[entry.Key] = value;
            }
        }

        return texts;
    }

    private int? Integer(ComposeNode? node, string key)
    {
        if (node?.Given(key) is not { } value)
        {
            return null;
        }

        if (value.Kind == YamlKind.Scalar && int.TryParse(value.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        problems.Add(value.At, $"`{key}` must be a whole number, not {value.Describe()}", $"for example `{key}: 2`");
        return null;
    }

    private bool? Flag(ComposeNode node, string key)
    {
        if (node.Given(key) is not { } value)
        {
            return null;
        }

        if (value.Kind == YamlKind.Scalar && ComposeJson.Boolean(value.Text, loose: true) is { } flag)
        {
            return flag;
        }

        problems.Add(value.At, $"`{key}` must be true or false, not {value.Describe()}", $"write `{key}: true`");
        return null;
    }

    private TimeSpan? Span(ComposeNode node, string key)
    {
        if (node.Given(key) is not { } value)
        {
            return null;
        }

        if (value.Kind == YamlKind.Scalar && value.Text == "0")
        {
            return TimeSpan.Zero;
        }

        if (value.Kind == YamlKind.Scalar && Duration.TryParse(value.Text, out var span))
        {
            return span;
        }

        problems.Add(value.At, $"`{key}` must be a duration, not {value.Describe()}", $"for example `{key}: 10s`");
        return null;
    }

    private string Absolute(string path) => path == "~" || path.StartsWith("~/", StringComparison.Ordinal)
        ? Path.GetFullPath((lookup("HOME") ?? "/") + path[1..])
        : Path.GetFullPath(Path.Combine(directory, path));

    /// <summary>A command's words: a list as it stands, a text split as a shell splits it.</summary>
    private IReadOnlyList<string>? Words(ComposeNode? node)
    {
        if (node is null)
        {
            return null;
        }

        if (node.Kind == YamlKind.List)
        {
            return [.. node.Items.Select(static i => i.Text)];
        }

        try
        {
            return ShellWords.Split(node.Text);
        }
        catch (FormatException e)
        {
            problems.Add(node.At, $"{node.Describe()}: {e.Message}", "write the words as a list");
            return [];
        }
    }
}
