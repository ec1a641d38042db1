using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Fingerprints;

/// <summary>Patterns whose matches are listed together: a component, or an environment's infra inputs or stack files.</summary>
internal sealed record ScanGroup(string Name, InputPatterns Patterns, IReadOnlyList<string> Texts, string? Folder, SourceLocation? At)
{
    /// <summary>Every group of a workspace; problems of all of them together.</summary>
    /// <exception cref="LapException">A pattern is wrong.</exception>
    public static (IReadOnlyList<ScanGroup> Groups, InputPatterns? Outputs) Of(Workspace workspace)
    {
        List<ScanGroup> groups = [];
        List<Problem> problems = [];
        void Add(string name, string path, IReadOnlyList<string> patterns, string? folder, SourceLocation? at)
        {
            try
            {
                groups.Add(new ScanGroup(name, InputPatterns.Compile(path, patterns), patterns, folder, at));
            }
            catch (LapException e)
            {
                problems.AddRange(e.Problems.Select(p => p with { Where = at?.ToString() ?? name }));
            }
        }

        foreach (var component in workspace.Components)
        {
            Add(component.Name, component.Path, PatternsOf(component), component.Path, component.At);
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

        // One list over all components: an output is nobody's input.
        InputPatterns? outputs = null;
        try
        {
            foreach (var component in workspace.Components)
            {
                var own = component.Build.Outputs.Where(IsPlace).ToArray();
                if (own.Length > 0)
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
