using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Fingerprints;

/// <summary>Patterns whose matches are listed together: a component, or an environment's infra inputs or stack files.</summary>
internal sealed record ScanGroup(string Name, InputPatterns Patterns, IReadOnlyList<string> Texts, string? Folder, SourceLocation? At)
{
    /// <summary>What a component without steps takes as it lies: inputs of its own, also where git ignores them. Null: nothing.</summary>
    public InputPatterns? Made { get; init; }

    /// <summary>The same without what is excluded again: where to look.</summary>
    public InputPatterns? MadeAt { get; init; }

    /// <summary>The same as it was written.</summary>
    public IReadOnlyList<string> MadeTexts { get; init; } = [];

    /// <summary>How many of the first patterns nobody wrote as inputs.</summary>
    public int Implied { get; init; }

    /// <summary>Every group of a workspace; problems of all of them together.</summary>
    /// <exception cref="LapException">A pattern is wrong.</exception>
    public static (IReadOnlyList<ScanGroup> Groups, InputPatterns? Outputs) Of(Workspace workspace, bool portable)
    {
        List<ScanGroup> groups = [];
        List<Problem> problems = [];
        void Add(string name, string path, IReadOnlyList<string> patterns, string? folder, SourceLocation? at, IReadOnlyList<string>? made = null, int implied = 0)
        {
            try
            {
                made = [.. (made ?? []).Where(p => p.StartsWith('!') || IsPlace(p))];
                groups.Add(new ScanGroup(name, InputPatterns.Compile(path, patterns), patterns, folder, at)
                {
                    Made = made.Count == 0 ? null : InputPatterns.Compile(path, made),
                    MadeAt = made.Count == 0 ? null : InputPatterns.Compile(path, [.. made.Where(IsPlace)]),
                    MadeTexts = made,
                    Implied = implied,
                });
            }
            catch (LapException e)
            {
                problems.AddRange(e.Problems.Select(p => p with { Where = at?.ToString() ?? name }));
            }
        }

        foreach (var component in workspace.Components)
        {
            var implied = ImpliedOf(component);
            Add(component.Name, component.Path, [.. implied, .. PatternsOf(component)], component.Path, component.At, MadeElsewhere(workspace.Root, portable, component), implied.Count);
        }

        foreach (var environment in workspace.Environments)
        {
            if (environment.Infra is { Inputs.Count: > 0 } infra)
            {
                Add("infra:" + environment.Name, "", infra.Inputs, null, environment.At);
            }

            if (environment.Kubernetes is { Inputs.Count: > 0 } objects)
            {
                Add("stack:" + environment.Name, "", objects.Inputs, null, environment.At);
            }

            if (environment.Stack.Count > 0)
            {
                Add("stack:" + environment.Name, "", environment.Stack, null, environment.At);
            }
        }

        // One list over all components: what a build makes is nobody's input.
        InputPatterns? outputs = null;
        try
        {
            foreach (var component in workspace.Components)
            {
                var own = component.Build.Outputs.Where(IsPlace).ToArray();
                if (own.Length > 0 && !DeploysWhatLies(component))
                {
                    outputs = InputPatterns.Join(outputs, InputPatterns.Compile(component.Path, own));
                }
            }
        }
        catch (LapException e)
        {
            problems.AddRange(e.Problems);
        }

        return problems.Count > 0 ? throw new LapException(problems) : (groups, outputs);
    }

    /// <summary>
    /// What an image is made from counts although nobody lists it: its Dockerfile, and with the default inputs its whole context.
    /// </summary>
    private static IReadOnlyList<string> PatternsOf(Component component)
    {
        // With a base, or published by .NET, an image is made from outputs or sources, as files are.
        if (component.Build.Image is not { Base: null, Builder: not ImageBuilder.Dotnet } image)
        {
            return component.Inputs;
        }

        List<string> patterns = [.. component.Inputs];
        if (component.Inputs is ["**"] && image.Context is not ("." or "./" or ""))
        {
            patterns.Add(image.Context.TrimEnd('/') + "/**");
        }

        patterns.Add(image.Dockerfile);
        return patterns;
    }

    /// <summary>What somebody else's tool made is what there is to deploy, whatever else is an input.</summary>
    private static IReadOnlyList<string> ImpliedOf(Component component) =>
        DeploysWhatLies(component) && component.Inputs is not ["**"] ? [.. component.Build.Outputs.Except(component.Inputs, StringComparer.Ordinal)] : [];

    /// <summary>Outputs that no step makes: they lie there, and are the artifact.</summary>
    private static bool DeploysWhatLies(Component component) => component.Build is { Steps.Count: 0, Outputs.Count: > 0, Image: null or { IsLayered: true } };

    /// <summary>Places that are inputs although git may ignore them: another tool builds there, and lap or the engine takes what it finds. Where steps build, they build there anew.</summary>
    private static IReadOnlyList<string> MadeElsewhere(string root, bool portable, Component component)
    {
        if (DeploysWhatLies(component))
        {
            return component.Build.Outputs;
        }

        if (component.Build is not { Steps.Count: 0, Image: { Base: null, Builder: not ImageBuilder.Dotnet } image })
        {
            return [];
        }

        var context = image.Context.TrimEnd('/') is "." or "" ? "" : image.Context.TrimEnd('/') + "/";
        return [.. DockerfileCopies.Read(root, portable, component.Path.Length == 0 ? image.Dockerfile : component.Path + "/" + image.Dockerfile).Select(place => context + place)];
    }

    /// <summary>An output pattern that names a place ("out/**", "app.bin") keeps that place out of the inputs; a bare wildcard ("**", "*.html") names none.</summary>
    internal static bool IsPlace(string pattern)
    {
        foreach (var segment in pattern.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (segment is not ("." or ".."))
            {
                return !pattern.StartsWith('!') && segment.AsSpan().IndexOfAny("*?[{") < 0;
            }
        }

        return false;
    }
}
