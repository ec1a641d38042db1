using System.Text;

namespace Laptime.Workspaces.Init;

/// <summary>Guesses to the text of a laptime.yaml that loads without problems: names and ports made unique, texts quoted where YAML needs it.</summary>
internal sealed class InitText(string folderName, List<ComponentGuess> components, IReadOnlyList<string> compose, string? swarmEvidence, List<string> kubernetes, string? chart, List<(string Tool, string Path)> ledgers, bool cut)
{
    private readonly StringBuilder text = new();

    public string Write()
    {
        Line("# laptime.yaml, written by `lap init` from what is in this folder. Every comment says why; change what is wrong.");
        Line("# Reference: docs/guide/laptime-yaml.md. `lap validate` checks the file, `lap plan` shows what a deploy would do.");
        if (cut)
        {
            Line($"# The folder has more than {FolderScan.MostEntries} entries or is very deep: what lies further was not looked at.");
        }

        Line("version: 1");
        Line($"name: {Quote(ValueBinder.NameLike(folderName) ?? "workspace")}   # everything deployed is labelled with it");
        Line("");
        if (components.Count > 0 || compose.Count == 0)
        {
            Line("components:");
        }

        if (components.Count == 0 && compose.Count == 0)
        {
            Line("  # Nothing here is of a kind that lap knows. This is the smallest component: say how it is built and started.");
            Line("  app:");
            Line("    path: .");
            Line("    run: echo \"replace this with the command that starts it\"");
        }

        var names = Names();
        var ports = new HashSet<int>();
        for (var i = 0; i < components.Count; i++)
        {
            Component(components[i], names[i], names, ports);
        }

        Environments();
        Ledgers();
        return text.ToString();
    }

    private List<string> Names()
    {
        var names = new List<string>();
        foreach (var guess in components)
        {
            var wanted = ValueBinder.NameLike(guess.Name) ?? "app";
            wanted = guess.IsService ? wanted : wanted.ToLowerInvariant();
            if (wanted.StartsWith(KeySet.OwnPrefix, StringComparison.Ordinal))
            {
                wanted = "app-" + wanted;
            }

            wanted = wanted[..Math.Min(wanted.Length, 56)];
            var name = wanted;
            for (var n = 2; names.Contains(name); n++)
            {
                name = $"{wanted}-{n}";
            }

            names.Add(name);
        }

        return names;
    }

    private void Component(ComponentGuess guess, string name, List<string> names, HashSet<int> ports)
    {
        Line("");
        foreach (var why in guess.Why)
        {
            Line("  # " + Comment(why));
        }

        Line($"  {Quote(name)}:");
        Line($"    path: {Quote(guess.Path.Length == 0 ? "." : guess.Path)}");
        if (guess.Inputs.Count > 0)
        {
            Line($"    inputs: {List(guess.Inputs)}   # what git ignores is left out anyway");
        }

        var needs = guess.Needs.ConvertAll(n => names[components.FindIndex(c => c.Name == n)]);
        if (needs.Count > 0)
        {
            Line($"    needs: {List(needs)}   # ready before this one is rolled out");
        }

        Build(guess);
        Run(guess, ports);
    }

    private void Build(ComponentGuess guess)
    {
        if (guess.Image is { } image)
        {
            Line("    build:");
            Line($"      image: {{ dockerfile: {Quote(image.Dockerfile)}, context: .{(image.Target is null ? "" : $", target: {Quote(image.Target)}")}{(guess.Arguments.Count == 0 ? "" : $", args: {{ {string.Join(", ", guess.Arguments.Select(a => $"{a.Key}: {Quote(a.Value).Replace("${", "$${", StringComparison.Ordinal)}"))} }}")} }}");
        }

        if (guess.Steps.Count > 0)
        {
            Line("    build:");
            Line("      steps:");
            foreach (var (name, kind, run, inputs) in guess.Steps)
            {
                Line($"        - {{ name: {name}, kind: {kind}, run: {Quote(run)}{(inputs.Count == 0 ? "" : $", inputs: {List(inputs)}")} }}");
            }

            Line($"      outputs: {List(guess.Outputs)}   # what is deployed");
        }
    }

    private void Run(ComponentGuess guess, HashSet<int> ports)
    {
        int? port = guess.Port is null ? null : guess.Port is > 0 and < 65536 ? guess.Port : 8080;
        while (port is { } taken && !ports.Add(taken))
        {
            port = taken == 65535 ? 1024 : taken + 1;
        }

        if (guess.Command is null && port is null)
        {
            return;
        }

        Line("    run:");
        if (guess.Command is { } command)
        {
            Line($"      command: {Quote(command)}");
        }

        if (port is null)
        {
            return;
        }

        Line($"      port: {port}   # where users reach it; {(guess.Command is null ? "the published port" : "${port} above is the instance's own, and differs")}");
        if (guess.Env.Count > 0)
        {
            Line($"      env: {{ {string.Join(", ", guess.Env.Select(e => $"{e.Key}: {Quote(e.Value)}"))} }}");
        }

        Line("    probes:");
        Line(guess.Health is { } path && path.StartsWith('/') && !path.Contains('{') && !path.AsSpan().ContainsAny(" #\t")
            ? $"      ready: {{ http: {Quote(path)} }}"
            : "      ready: { tcp: \"${port}\" }   # better: a path that answers 200 when it is ready, { http: /health }");
    }

    private void Environments()
    {
        if (components.Exists(static c => c.UsesConfiguration))
        {
            Line("");
            Line("# Named build settings: ${profile.configuration} above. `lap deploy --profile release` takes the other one.");
            Line("profiles:");
            Line("  fast: { vars: { configuration: Debug } }");
            Line("  release: { vars: { configuration: Release } }");
        }

        var images = components.Exists(static c => c.Image is not null);
        Line("");
        Line("# Where components run; the first is the default.");
        Line("environments:");
        var stack = compose.Count == 0 ? "" : $", stack: {(compose.Count == 1 ? Quote(compose[0]) : List(compose))}";
        var (target, why) = swarmEvidence is null ? ("docker", "a component is an image: Docker runs it") : ("swarm", $"{swarmEvidence}: Swarm keeps that");
        if (!images && (compose.Count == 0 || components.Count > 0))
        {
            Line("  local: { target: process, loop: fast }   # on this machine, as plain processes");
        }

        if (compose.Count > 0)
        {
            Line("  # Every service of the compose file is deployed; those without a component above run the image that the file names.");
        }

        if (images || compose.Count > 0)
        {
            Line($"  {(images || components.Count == 0 ? "local" : target)}: {{ target: {target}, loop: fast{stack} }}   # {(images || swarmEvidence is not null ? why : "the compose file")}");
        }

        Kubernetes();
    }

    private void Kubernetes()
    {
        if (kubernetes.Count > 0)
        {
            var objects = chart is not null
                ? $"chart: {Quote(chart.Length == 0 ? "." : chart)}"
                : $"manifests: {List(kubernetes.ConvertAll(static k => k.Length == 0 ? "*.yaml" : k + "/*.yaml"))}";
            Line($"  kubernetes: {{ target: kubernetes, loop: safe, {objects} }}   # {(chart is not null ? "a chart was" : "manifests were")} found");
        }
    }

    private void Ledgers()
    {
        if (ledgers.Count == 0)
        {
            return;
        }

        Line("");
        Line("# Migrations that were found. Add `database: \"${env.DATABASE_URL}\"` to compare them with what a database says it has run.");
        Line("ledgers:");
        for (var i = 0; i < ledgers.Count; i++)
        {
            Line($"  {(i == 0 ? "main" : "ledger-" + (i + 1))}: {{ tool: {ledgers[i].Tool}, path: {Quote(ledgers[i].Path)} }}");
        }
    }

    private void Line(string line) => text.Append(line).Append('\n');

    private static string List(IEnumerable<string> items) => "[" + string.Join(", ", items.Select(Quote)) + "]";

    private static string Comment(string why) => why.Replace('\n', ' ').Replace('\r', ' ');

    /// <summary>Plain where YAML reads it as the text it is, else in double quotes.</summary>
    private static string Quote(string value)
    {
        var plain = value.Length > 0 && char.IsAsciiLetter(value[0]) && value.ToLowerInvariant() is not ("null" or "true" or "false" or "yes" or "no" or "on" or "off");
        foreach (var c in value)
        {
            plain &= char.IsAsciiLetterOrDigit(c) || c is '.' or '/' or '-' or '_' or ' ';
        }

        return plain && !value.EndsWith(' ') || value == "." ? value : "\"" + value.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\"";
    }
}
