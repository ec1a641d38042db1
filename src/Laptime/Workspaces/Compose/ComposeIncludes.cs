using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces.Compose;

/// <summary>One entry of <c>include</c>.</summary>
/// <param name="Files">Joined to one model; absolute.</param>
/// <param name="Directory">Where relative paths in them start; absolute.</param>
/// <param name="Variables">Files of variables, a later one stands before an earlier; absolute.</param>
internal sealed record ComposeInclude(IReadOnlyList<string> Files, string Directory, IReadOnlyList<string> Variables);

/// <summary>
/// Follows <c>include</c>: each entry is a model of its own, with its own folder and variables, whose resources are copied into the file that includes it. A resource that is there already and
/// is another one is a mistake; to change an included one is for a file that is joined later.
/// </summary>
/// <param name="directory">Where paths of <c>include</c> start.</param>
/// <param name="above">The files that are being read, outermost first.</param>
/// <param name="read">The model of an entry, its paths as they are written in the including file.</param>
internal sealed class ComposeIncludes(ProblemCollector problems, string directory, IReadOnlyList<string> above, Func<ComposeInclude, ComposeNode> read)
{
    /// <summary>Files that include each other twice over and over stand for very many.</summary>
    private const int MostIncludes = 500;

    private static readonly string[] Keys = ["path", "project_directory", "env_file"];

    private static readonly (string Section, string One)[] Resources =
        [("services", "service"), ("networks", "network"), ("volumes", "volume"), ("configs", "config"), ("secrets", "secret")];

    private Count followed = new();

    /// <summary>The same in what is included.</summary>
    public ComposeIncludes Within(string inner, IReadOnlyList<string> files, Func<ComposeInclude, ComposeNode> reader) => new(problems, inner, [.. above, .. files], reader) { followed = followed };

    public ComposeNode Follow(ComposeNode root)
    {
        if (root.Given("include") is not { } include)
        {
            return root.With("include", null);
        }

        root = root.With("include", null);
        if (include.Kind != YamlKind.List)
        {
            problems.Add(include.At, $"`include` must be a list, not {include.Describe()}", "write each file in its own line, behind a `-`");
            return root;
        }

        foreach (var item in include.Items)
        {
            if (Entry(item) is { } entry)
            {
                root = Joined(root, read(entry));
            }
        }

        return root;
    }

    private ComposeInclude? Entry(ComposeNode item)
    {
        if (++followed.Value > MostIncludes)
        {
            problems.Add(item.At, $"more than {MostIncludes} files are included", "see which of them include each other");
            return null;
        }

        if (item.Kind == YamlKind.Map)
        {
            foreach (var unknown in item.Entries.Where(static e => Array.IndexOf(Keys, e.Key) < 0 && !e.Key.StartsWith(KeySet.OwnPrefix, StringComparison.Ordinal)))
            {
                problems.Add(unknown.KeyAt, $"`include` has no `{ProblemList.Short(unknown.Key)}`", ProblemList.Suggest(unknown.Key, Keys));
            }
        }

        var written = item.Kind == YamlKind.Map ? item.Given("path") : item;
        var files = new List<string>();
        foreach (var path in Texts(written))
        {
            if (File(path) is { } file)
            {
                files.Add(file);
            }
        }

        if (files.Count == 0)
        {
            if (item.Kind != YamlKind.Map ? Texts(written).Count == 0 : item.Given("path") is null && item.Entries.All(static e => Array.IndexOf(Keys, e.Key) >= 0))
            {
                problems.Add(item.At, "an entry of `include` names a file", "`- sub/compose.yml`, or `- path: sub/compose.yml`");
            }

            return null;
        }

        var folder = item.TextOf("project_directory") is { Length: > 0 } written2 ? Path.GetFullPath(Path.Combine(directory, written2)) : Path.GetDirectoryName(files[0])!;
        if (item.Given("env_file") is not { } variables)
        {
            return new ComposeInclude(files, folder, [Path.Combine(folder, ".env")]);
        }

        var named = new List<string>();
        foreach (var one in Texts(variables).Where(static t => t.Text != "/dev/null"))
        {
            if (Full(one) is var file && System.IO.File.Exists(file))
            {
                named.Add(file);
            }
            else
            {
                problems.Add(one.At, $"the file `{ProblemList.Short(one.Text)}` does not exist", "create it, or correct `env_file`");
            }
        }

        return new ComposeInclude(files, folder, named);
    }

    private string? File(ComposeNode path)
    {
        if (path.Text.Contains("://", StringComparison.Ordinal) || path.Text.StartsWith("git@", StringComparison.Ordinal) || path.Text.StartsWith("github.com/", StringComparison.Ordinal))
        {
            problems.Add(path.At, $"`{ProblemList.Short(path.Text)}` is no file: what is elsewhere may change unseen", "clone it into a folder, and include it from there");
            return null;
        }

        var file = Full(path);
        if (!System.IO.File.Exists(file))
        {
            problems.Add(
                path.At, System.IO.Directory.Exists(file) ? $"`{ProblemList.Short(path.Text)}` is a folder" : $"the file `{ProblemList.Short(path.Text)}` does not exist",
                System.IO.Directory.Exists(file) ? "name the compose file in it" : "create it, or correct `include`");
            return null;
        }

        if (above.Contains(file))
        {
            problems.Add(
                path.At, $"files include each other: {string.Join(" → ", above.SkipWhile(f => f != file).Append(file).Select(f => Path.GetRelativePath(Path.GetDirectoryName(above[0])!, f).Replace('\\', '/')))}",
                "take one of the `include` away");
            return null;
        }

        return file;
    }

    private string Full(ComposeNode path) => Path.GetFullPath(Path.Combine(directory, path.Text));

    private IReadOnlyList<ComposeNode> Texts(ComposeNode? node)
    {
        switch (node?.Kind)
        {
            case YamlKind.Scalar when node is { IsNull: false, Text.Length: > 0 }:
                return [node];
            case YamlKind.List:
                foreach (var wrong in node.Items.Where(static i => i.Kind != YamlKind.Scalar || i.IsNull || i.Text.Length == 0))
                {
                    problems.Add(wrong.At, $"a path must be a text, not {wrong.Describe()}");
                }

                return [.. node.Items.Where(static i => i is { Kind: YamlKind.Scalar, IsNull: false, Text.Length: > 0 })];
            default:
                return [];
        }
    }

    private ComposeNode Joined(ComposeNode root, ComposeNode included)
    {
        foreach (var (section, one) in Resources)
        {
            if (included.Given(section) is not { Kind: YamlKind.Map, Entries.Count: > 0 } more)
            {
                continue;
            }

            if (root.Given(section) is not { Kind: YamlKind.Map } there)
            {
                root = root.With(section, more);
                continue;
            }

            var entries = new List<ComposeEntry>(there.Entries);
            foreach (var entry in more.Entries)
            {
                if (entries.Find(e => e.Key == entry.Key) is not { } own)
                {
                    entries.Add(entry);
                }
                else if (!entry.Key.StartsWith(KeySet.OwnPrefix, StringComparison.Ordinal) && ComposeJson.Canonical(own.Value) != ComposeJson.Canonical(entry.Value))
                {
                    problems.Add(
                        own.KeyAt, $"{one} `{ProblemList.Short(entry.Key)}` is another one in what is included ({entry.KeyAt})",
                        "give one of them another name; to change an included one, write it into a file that is joined later (compose.override.yml)");
                }
            }

            root = root.With(section, there with { Entries = entries });
        }

        return root;
    }

    private sealed class Count
    {
        public int Value { get; set; }
    }
}

/// <summary>Paths of one model as another folder has to write them, and what only the model's own variables know.</summary>
internal static class ComposeRebase
{
    public static ComposeNode Of(ComposeNode root, string from, string to, Func<string, string?> lookup)
    {
        root = Each(root, "services", service =>
        {
            if (service.Given("build") is { Kind: YamlKind.Map } build)
            {
                build = build.TextOf("context") is not { } context ? build.With("context", ComposeNode.Scalar(Moved("."), build.At))
                    : new ComposeBuild(context, "", null, new Dictionary<string, string>(), build.At).IsRemote ? build
                    : build.With("context", ComposeNode.Scalar(Moved(context), build["context"]!.At));
                foreach (var argument in build.Given("args")?.Entries.Where(static a => a.Value.IsNull).ToList() ?? [])
                {
                    if (lookup(argument.Key) is { } value)
                    {
                        build = build.With("args", build["args"]!.With(argument.Key, ComposeNode.Scalar(value, argument.Value.At)));
                    }
                }

                service = service.With("build", build);
            }

            return service.Given("volumes") is { Kind: YamlKind.List } volumes
                ? service.With("volumes", volumes with { Items = [.. volumes.Items.Select(v => v.TextOf("type") == "bind" ? Path(v, "source") : v)] })
                : service;
        });
        foreach (var section in (ReadOnlySpan<string>)["configs", "secrets"])
        {
            root = Each(root, section, content => content.TextOf("environment") is { } variable && lookup(variable) is { } value
                ? content.With("environment", null).With("content", ComposeNode.Scalar(value, content["environment"]!.At))
                : Path(content, "file"));
        }

        return root;

        ComposeNode Path(ComposeNode node, string key) => node.TextOf(key) is { Length: > 0 } path ? node.With(key, ComposeNode.Scalar(Moved(path), node[key]!.At)) : node;

        string Moved(string path)
        {
            if (path.StartsWith('~') || System.IO.Path.IsPathRooted(path))
            {
                return path;
            }

            var moved = System.IO.Path.GetRelativePath(to, System.IO.Path.GetFullPath(System.IO.Path.Combine(from, path))).Replace('\\', '/');
            return moved.StartsWith("..", StringComparison.Ordinal) || System.IO.Path.IsPathRooted(moved) ? moved : moved == "." ? "." : "./" + moved;
        }
    }

    private static ComposeNode Each(ComposeNode root, string section, Func<ComposeNode, ComposeNode> change) => root.Given(section) is { Kind: YamlKind.Map } map
        ? root.With(section, map with { Entries = [.. map.Entries.Select(e => e.Value.Kind == YamlKind.Map ? e with { Value = change(e.Value) } : e)] })
        : root;
}
