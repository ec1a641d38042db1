using Laptime.Foundations;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces.Compose;

/// <summary>
/// One reading of one set of files: text, nodes, variables, long forms, <c>include</c>, joining, <c>extends</c>, profiles, variables of services; then the binder. What is included is read
/// by a reader of its own, with its own folder and variables.
/// </summary>
internal sealed class ComposeReader
{
    private readonly IReadOnlyList<string> files;
    private readonly string directory;
    private readonly Func<string, string?> lookup;
    private readonly Func<string, string?> outermost;
    private readonly Interpolation interpolation;
    private readonly ComposeIncludes includes;
    private readonly ProblemCollector problems;
    private readonly SortedSet<string> sources;
    private readonly SortedSet<string> missing;
    private readonly SortedSet<string> asked;
    private readonly Dictionary<string, ComposeNode> read = new(StringComparer.Ordinal);
    private readonly List<string> warnings;

    private readonly Func<string, string?>? refuse;

    public ComposeReader(IReadOnlyList<string> files, Func<string, string?> environmentVariable, Func<string, string?>? refuse = null)
    {
        (this.files, this.refuse) = (files, refuse);
        directory = Path.GetDirectoryName(files[0])!;
        (problems, sources, missing, asked, warnings) = (new ProblemCollector(), new(StringComparer.Ordinal), new(StringComparer.Ordinal), new(StringComparer.Ordinal), []);
        var variables = Variables(Path.Combine(directory, ".env"), environmentVariable, required: false);
        outermost = lookup = name =>
        {
            asked.Add(name);
            return environmentVariable(name) ?? variables.GetValueOrDefault(name);
        };
        interpolation = new Interpolation(lookup);
        includes = new ComposeIncludes(problems, directory, files, Included);
    }

    /// <summary>Of what another one includes: the variables that stand there stand before its own.</summary>
    private ComposeReader(ComposeReader outer, ComposeInclude included)
    {
        (files, directory, outermost, refuse) = (included.Files, included.Directory, outer.outermost, outer.refuse);
        (problems, sources, missing, asked, warnings) = (outer.problems, outer.sources, outer.missing, outer.asked, outer.warnings);
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in included.Variables)
        {
            foreach (var (name, value) in Variables(file, name => outer.lookup(name) ?? variables.GetValueOrDefault(name), required: false))
            {
                variables[name] = value;
            }
        }

        lookup = name => outer.lookup(name) ?? variables.GetValueOrDefault(name);
        interpolation = new Interpolation(lookup);
        includes = outer.includes.Within(directory, files, Included);
    }

    public ComposeProject Read()
    {
        var joined = Whole();
        if (joined.Given("services") is not { Entries.Count: > 0 })
        {
            throw new LapException("the compose file has no services", joined.At.ToString(), "add `services:`");
        }

        var project = new ComposeBinder(Completed(joined), directory, lookup, problems, refuse).Bind();
        problems.ThrowIfAny();
        sources.UnionWith(project.Configs.Concat(project.Secrets).Where(static c => c.Content is not null).Select(static c => c.Node?.TextOf("file")).OfType<string>().Select(f => Path.GetFullPath(Path.Combine(directory, f))));
        return project with
        {
            Files = files, Sources = [.. files, .. sources.Where(s => !files.Contains(s))], Missing = [.. missing], Warnings = [.. warnings.Distinct(StringComparer.Ordinal)], Variables = [.. asked],
        };
    }

    /// <summary>The resources of what is included, as if they had been written in the file that includes it.</summary>
    private ComposeNode Included(ComposeInclude included)
    {
        var reader = new ComposeReader(this, included);
        return ComposeRebase.Of(reader.Completed(reader.Whole()), reader.directory, directory, reader.lookup);
    }

    private ComposeNode Whole()
    {
        ComposeNode? joined = null;
        foreach (var file in files)
        {
            var root = File(file);
            joined = joined is null ? ComposeJoin.Clean(root) : ComposeJoin.Join(joined, root);
        }

        problems.ThrowIfAny();
        ComposeShape.Check(joined!, problems, warnings);
        if (joined!.Given("services") is { } services && services.Kind != YamlKind.Map)
        {
            problems.Add(services.At, $"`services` must be a mapping, not {services.Describe()}", "write the services' names and what they are, indented below it");
        }

        problems.ThrowIfAny();
        return joined;
    }

    /// <summary>Active services only, with what they extend and their variables.</summary>
    private ComposeNode Completed(ComposeNode joined)
    {
        var active = new List<ComposeEntry>();
        foreach (var entry in joined.Given("services")?.Entries ?? [])
        {
            if (!entry.Key.StartsWith(KeySet.OwnPrefix, StringComparison.Ordinal) && IsActive(entry.Value))
            {
                active.Add(entry with { Value = Complete(entry.Key, Extended(entry.Key, entry.Value, files[0], [])) });
            }
        }

        problems.ThrowIfAny();
        foreach (var (name, at) in interpolation.Unset)
        {
            warnings.Add($"{at}: the variable {name} is not set: it is taken as empty");
        }

        asked.UnionWith(interpolation.Asked);
        return joined.Given("services") is { } services ? joined.With("services", services with { Entries = active }) : joined;
    }

    private ComposeNode File(string file)
    {
        if (read.TryGetValue(file, out var known))
        {
            return known;
        }

        MayRead(file);
        var told = new ProblemList(WorkspaceFile.Shown(file));
        var yaml = YamlReader.Read(WorkspaceFile.ReadText(file, told), told, foreign: true);
        told.ThrowIfAny();
        var root = yaml is { Kind: YamlKind.Map }
            ? new ComposeNodes(told, interpolation).Of(yaml)
            : throw new LapException("the compose file has no services", $"{told.File}:{yaml?.Line ?? 1}:{yaml?.Column ?? 1}", "add `services:`");
        told.ThrowIfAny();
        sources.Add(file);
        root = new ShortForms(problems).Project(root);
        return read[file] = files.Contains(file) ? includes.Follow(root) : root;
    }

    private void MayRead(string file)
    {
        if (refuse?.Invoke(file) is { } why)
        {
            throw new LapException(why, WorkspaceFile.Shown(file) + ":1:1", "name a file of the project itself");
        }
    }

    private bool IsActive(ComposeNode service)
    {
        if (service.Given("profiles") is not { Kind: YamlKind.List, Items.Count: > 0 } profiles)
        {
            return true;
        }

        var wanted = (outermost("COMPOSE_PROFILES") ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return wanted.Contains("*") || profiles.Items.Any(p => wanted.Contains(p.Text));
    }

    /// <summary>The service joined to the one that it extends, in this file or another.</summary>
    private ComposeNode Extended(string name, ComposeNode service, string file, HashSet<string> above)
    {
        if (service.Given("extends") is not { } extends)
        {
            return service;
        }

        var wanted = extends.Kind == YamlKind.Scalar ? extends.Text : extends.TextOf("service");
        var other = extends.TextOf("file") is { } path ? Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, path)) : file;
        if (!above.Add(file + "\n" + name))
        {
            problems.Add(extends.At, $"service `{name}` extends itself", "take one of the `extends` away");
            return service;
        }

        var root = other == file && file == files[0] ? Joined() : File(other);
        if (wanted is null || root.Given("services")?.Given(wanted) is not { Kind: YamlKind.Map } below)
        {
            problems.Add(extends.At, $"there is no service `{wanted}` to extend", ProblemList.Suggest(wanted ?? "", [.. root.Given("services")?.Entries.Select(e => e.Key) ?? []]));
            return service;
        }

        var lower = ComposeNode.Map([new ComposeEntry("services", below.At, ComposeNode.Map([new ComposeEntry(name, below.At, Extended(wanted, ComposeJoin.Clean(below), other, above))], below.At))], below.At);
        var upper = ComposeNode.Map([new ComposeEntry("services", service.At, ComposeNode.Map([new ComposeEntry(name, service.At, service.With("extends", null))], service.At))], service.At);
        return ComposeJoin.Join(lower, upper)["services"]![name]!.With("extends", null);
    }

    private ComposeNode Joined() => files.Skip(1).Aggregate(ComposeJoin.Clean(File(files[0])), (below, file) => ComposeJoin.Join(below, File(file)));

    /// <summary>Variables of <c>env_file</c> below those of <c>environment</c>; those without a value taken from outside, or left out.</summary>
    private ComposeNode Complete(string name, ComposeNode service)
    {
        var variables = new List<ComposeEntry>();
        if (service.Given("env_file") is { } envFile)
        {
            foreach (var item in envFile.Kind == YamlKind.List ? envFile.Items : [envFile])
            {
                var required = item.TextOf("required") is not ("false" or "no");
                if ((item.Kind == YamlKind.Map ? item.TextOf("path") : item.Text) is not { Length: > 0 } path)
                {
                    problems.Add(item.At, "`env_file` names a file", "for example `env_file: web.env`");
                    continue;
                }

                var full = Path.GetFullPath(Path.Combine(directory, path));
                if (required && !System.IO.File.Exists(full))
                {
                    problems.Add(item.At, $"the file `{ProblemList.Short(path)}` of service `{name}` does not exist", "create it, or correct `env_file`");
                    continue;
                }

                foreach (var (key, value) in Variables(full, lookup, required))
                {
                    variables.RemoveAll(e => e.Key == key);
                    variables.Add(new ComposeEntry(key, item.At, ComposeNode.Scalar(value, item.At)));
                }
            }
        }

        if (service.Given("environment") is { } environment)
        {
            foreach (var entry in environment.Entries)
            {
                variables.RemoveAll(e => e.Key == entry.Key);
                if (!entry.Value.IsNull)
                {
                    variables.Add(entry);
                }
                else if (lookup(entry.Key) is { } passed)
                {
                    variables.Add(entry with { Value = ComposeNode.Scalar(passed, entry.Value.At) });
                }
            }
        }

        return service.With("env_file", null).With("environment", variables.Count == 0 ? null : ComposeNode.Map(variables, variables[0].KeyAt));
    }

    private IReadOnlyDictionary<string, string> Variables(string file, Func<string, string?> outer, bool required)
    {
        if (!required && !System.IO.File.Exists(file))
        {
            missing.Add(file);
            return new Dictionary<string, string>();
        }

        MayRead(file);
        sources.Add(file);
        var told = new ProblemList(WorkspaceFile.Shown(file));
        var values = DotEnv.Parse(WorkspaceFile.ReadText(file, told), told, outer);
        told.ThrowIfAny();
        return values;
    }
}
