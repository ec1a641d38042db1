using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Fingerprints;

/// <summary>Patterns whose matches are listed together: a component, or an environment's infra inputs or stack files.</summary>
internal sealed record ScanGroup(string Name, InputPatterns Patterns, IReadOnlyList<string> Texts, string? Folder, SourceLocation? At)
{
    /// <summary>What a component without steps deploys as it lies: inputs of its own, also where git ignores them. Null: it builds, or has no outputs.</summary>
    public InputPatterns? Made { get; init; }

    /// <summary>The same without what is excluded again: where to look.</summary>
    public InputPatterns? MadeAt { get; init; }

    /// <summary>How many of the first patterns nobody wrote as inputs.</summary>
    public int Implied { get; init; }

    /// <summary>Every group of a workspace; problems of all of them together.</summary>
    /// <exception cref="LapException">A pattern is wrong.</exception>
    public static (IReadOnlyList<ScanGroup> Groups, InputPatterns? Outputs) Of(Workspace workspace)
    {
        List<ScanGroup> groups = [];
        List<Problem> problems = [];
        void Add(string name, string path, IReadOnlyList<string> patterns, string? folder, SourceLocation? at, Component? made = null)
        {
            try
            {
                groups.Add(new ScanGroup(name, InputPatterns.Compile(path, patterns), patterns, folder, at)
                {
                    Made = made is null ? null : InputPatterns.Compile(path, [.. made.Build.Outputs.Where(p => p.StartsWith('!') || IsPlace(p))]),
                    MadeAt = made is null ? null : InputPatterns.Compile(path, [.. made.Build.Outputs.Where(IsPlace)]),
                    Implied = made is null ? 0 : patterns.Count - made.Inputs.Count,
                });
            }
            catch (LapException e)
            {
                problems.AddRange(e.Problems.Select(p => p with { Where = at?.ToString() ?? name }));
            }
        }

        foreach (var component in workspace.Components)
        {
            Add(component.Name, component.Path, PatternsOf(component), component.Path, component.At, IsMadeElsewhere(component) ? component : null);
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
                if (own.Length > 0 && !IsMadeElsewhere(component))
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
        // What somebody else's tool made is what there is to deploy, whatever else is an input.
        if (IsMadeElsewhere(component) && component.Inputs is not ["**"])
        {
            return [.. component.Build.Outputs.Except(component.Inputs, StringComparer.Ordinal), .. component.Inputs];
        }

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

    /// <summary>Outputs that no step makes: they lie there, and are the artifact.</summary>
    private static bool IsMadeElsewhere(Component component) => component.Build is { Steps.Count: 0, Outputs.Count: > 0, Image: null or { IsLayered: true } };

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
