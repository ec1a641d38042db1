using System.Globalization;
using Laptime.Foundations;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces.Init;

/// <summary>One service of a compose file, as far as Laptime reads it.</summary>
/// <param name="Context">Build context as written; null: it is not built.</param>
/// <param name="Ports">(published, container) in order; published is null when the host's port is Docker's choice or not a plain number.</param>
public sealed record ComposeService(
    string Name, string? Context, string? Dockerfile, string? BuildTarget, string? Image,
    IReadOnlyList<(int? Published, int Container)> Ports, IReadOnlyList<string> DependsOn, SourceLocation At);

/// <summary>
/// Reads compose files: names, builds, ports and order of services. What else they hold is for Docker to judge. Anchors, aliases, merge
/// keys and tags are read as compose reads them.
/// </summary>
public static class ComposeFile
{
    /// <summary>In compose's own order of preference.</summary>
    public static IReadOnlyList<string> FileNames { get; } = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

    /// <summary>The compose file in the folder, absolute; null when there is none.</summary>
    public static string? Find(string directory)
    {
        foreach (var name in FileNames)
        {
            if (Path.GetFullPath(Path.Combine(directory, name)) is var file && File.Exists(file))
            {
                return file;
            }
        }

        return null;
    }

    /// <exception cref="LapException">It cannot be read, is not YAML or has no services.</exception>
    public static IReadOnlyList<ComposeService> Services(string path) => Read(Path.GetFullPath(path)).Services;

    /// <summary>The services as components of a workspace whose one environment is Docker with this file as its stack.</summary>
    /// <exception cref="LapException">As <see cref="Services"/>; or a build context is missing or outside.</exception>
    public static Workspace Load(string path)
    {
        var file = Path.GetFullPath(path);
        var (name, services, nodes, problems) = Read(file);
        var root = Path.GetDirectoryName(file)!;
        var paths = new PathRule(root, problems);
        var components = new List<Component>();
        foreach (var service in services)
        {
            var context = service.Context is { } text && !IsRemote(text) ? paths.Path(nodes[service.Name], "context", root, text) : null;
            if (context is { Length: > 0 } && !Directory.Exists(Path.Combine(root, context)))
            {
                problems.Add(nodes[service.Name], $"the folder `{ProblemList.Short(context)}` does not exist", "correct `context`");
            }

            components.Add(new Component
            {
                Name = service.Name,
                Path = context ?? "",
                Inputs = context is null ? [] : ["**"],
                Needs = service.DependsOn,
                Build = context is null ? new BuildSettings() : new BuildSettings { Image = new ImageSettings(service.Dockerfile ?? "Dockerfile", "", service.BuildTarget) },
                Run = new RunSettings { Command = new CommandLine.Exec([]), Port = service.Ports.Count > 0 ? service.Ports[0].Published : null },
                At = service.At,
            });
        }

        problems.ThrowIfAny();
        return new Workspace
        {
            Root = root,
            File = file,
            Sources = [file],
            Name = name ?? ValueBinder.NameLike(Path.GetFileName(root)) ?? "workspace",
            Components = components,
            Profiles = [],
            Environments = [new DeployEnvironment { Name = "local", Target = TargetKind.Docker, Stack = [Path.GetFileName(file)] }],
        };
    }

    internal static bool IsRemote(string context) =>
        context.Contains("://", StringComparison.Ordinal) || context.StartsWith("git@", StringComparison.Ordinal) || context.StartsWith("github.com/", StringComparison.Ordinal);

    private static (string? Name, List<ComposeService> Services, Dictionary<string, YamlNode> Nodes, ProblemList Problems) Read(string file)
    {
        var problems = new ProblemList(WorkspaceFile.Shown(file));
        var root = YamlReader.Read(WorkspaceFile.ReadText(file, problems), problems, foreign: true);
        problems.ThrowIfAny();
        if (root?.Find("services") is not { Kind: YamlKind.Map, Entries.Count: > 0 } map)
        {
            throw new LapException("the compose file has no services", $"{problems.File}:{root?.Line ?? 1}:{root?.Column ?? 1}", "add `services:`");
        }

        var services = new List<ComposeService>();
        var nodes = new Dictionary<string, YamlNode>();
        foreach (var entry in map.Entries)
        {
            if (entry.Key.Text.StartsWith(KeySet.OwnPrefix, StringComparison.Ordinal))
            {
                continue;
            }

            if (entry.Value.Kind != YamlKind.Map)
            {
                problems.Add(entry.Key, $"service `{ProblemList.Short(entry.Key.Text)}` must be a mapping, not {entry.Value.Describe()}", "give it an `image` or a `build`");
                continue;
            }

            services.Add(Service(entry.Key, entry.Value, problems));
            nodes[entry.Key.Text] = entry.Key;
        }

        problems.ThrowIfAny();
        return (Scalar(root, "name") is { } name && ValueBinder.NameLike(name) == name ? name : null, services, nodes, problems);
    }

    private static ComposeService Service(YamlNode key, YamlNode node, ProblemList problems)
    {
        var build = Get(node, "build", 0);
        var ports = new List<(int?, int)>();
        foreach (var port in Get(node, "ports", 0)?.Items ?? [])
        {
            if (Port(port) is { } one)
            {
                ports.Add(one);
            }
        }

        var needs = new List<string>();
        var depends = Get(node, "depends_on", 0);
        foreach (var item in depends?.Items ?? [])
        {
            needs.Add(item.Text);
        }

        foreach (var entry in depends?.Entries ?? [])
        {
            needs.Add(entry.Key.Text);
        }

        return new ComposeService(
            key.Text,
            build switch { null => null, { Kind: YamlKind.Scalar, IsNull: false } => build.Text, { Kind: YamlKind.Map } => Scalar(build, "context") ?? ".", _ => null },
            Scalar(build, "dockerfile"), Scalar(build, "target"), Scalar(node, "image"), ports, needs, problems.At(key));
    }

    private static (int? Published, int Container)? Port(YamlNode node)
    {
        if (node.Kind == YamlKind.Map)
        {
            return Number(Scalar(node, "target")) is { } target ? (Number(Scalar(node, "published")), target) : null;
        }

        // [[address:]published:]container[/protocol]; an IPv6 address is in brackets.
        var text = node.Text.Split('/')[0];
        var colon = LastColon(text);
        if (Number(text[(colon + 1)..]) is not { } container)
        {
            return null;
        }

        if (colon < 0)
        {
            return (null, container);
        }

        var rest = text[..colon];
        return (Number(rest[(LastColon(rest) + 1)..]), container);
    }

    /// <summary>The last colon that is not part of a ${NAME:-default}.</summary>
    private static int LastColon(string text)
    {
        var depth = 0;
        for (var i = text.Length - 1; i >= 0; i--)
        {
            depth += text[i] switch { '}' => 1, '{' => -1, _ => 0 };
            if (text[i] == ':' && depth == 0)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>A port number, or the default of a ${NAME:-8080}.</summary>
    private static int? Number(string? text)
    {
        if (text is null)
        {
            return null;
        }

        if (text.StartsWith("${", StringComparison.Ordinal) && text.EndsWith('}') && text.IndexOf('-') is > 0 and var dash)
        {
            text = text[(dash + 1)..^1];
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and < 65536 ? number : null;
    }

    private static string? Scalar(YamlNode? node, string key) =>
        node is not null && Get(node, key, 0) is { Kind: YamlKind.Scalar, IsNull: false } value ? value.Text : null;

    /// <summary>The value of the key, its own or merged in with `<<`.</summary>
    private static YamlNode? Get(YamlNode node, string key, int depth)
    {
        if (node.Find(key) is { } own || depth > 16)
        {
            return node.Find(key);
        }

        if (node.Find("<<") is not { } merged)
        {
            return null;
        }

        if (merged.Kind == YamlKind.Map)
        {
            return Get(merged, key, depth + 1);
        }

        foreach (var item in merged.Items)
        {
            if (Get(item, key, depth + 1) is { } found)
            {
                return found;
            }
        }

        return null;
    }
}
