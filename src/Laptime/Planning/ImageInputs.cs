using Laptime.Fingerprints;
using Laptime.Workspaces;

namespace Laptime.Planning;

/// <summary>What decides an image beside files and steps: the settings part of a component's fingerprint.</summary>
public static class ImageInputs
{
    /// <summary>Raised when lap writes the same image settings as other bytes.</summary>
    private const string Format = "1";

    /// <summary>Name to value; of values that may be secret only digests. Empty for a component that is no image.</summary>
    public static IReadOnlyDictionary<string, string> Of(Component component, Func<string, string?> names)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        if (component.Build.Image is not { } image)
        {
            return settings;
        }

        // Docker and buildah make the same from a Dockerfile: which of them `auto` finds on a machine decides nothing.
        Add("builder", image.IsLayered ? "lap " + Format : image.Builder.ToString().ToLowerInvariant());
        Add("platform", image.Platform);
        Add("base", image.Base);
        foreach (var (name, value) in image.Arguments)
        {
            Add("arg " + name, Fingerprinter.DigestOfVariable(name, value.Resolve(names)).ToString());
        }

        if (image.IsLayered)
        {
            Add("root", image.Root.Length == 0 ? null : image.Root);
            Add("workdir", image.WorkDir);
            Add("user", image.User);
            Add("port", image.Port?.ToString(System.Globalization.CultureInfo.InvariantCulture));
            AddAll("env ", image.Env);
            AddAll("label ", image.Labels);
            for (var i = 0; i < image.Command.Count; i++)
            {
                Add($"command {i:000}", image.Command[i]);
            }
        }
        else if (image.Builder != ImageBuilder.Dotnet)
        {
            Add("dockerfile", image.Dockerfile);
            Add("context", image.Context);
            Add("target", image.Target);
        }

        return settings;

        void Add(string name, string? value)
        {
            if (value is not null)
            {
                settings["image " + name] = value;
            }
        }

        void AddAll(string kind, IReadOnlyDictionary<string, string> texts)
        {
            foreach (var (name, value) in texts)
            {
                Add(kind + name, value);
            }
        }
    }
}
