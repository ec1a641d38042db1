using System.Text;
using Laptime.Foundations;

namespace Laptime.Recipes.Reading;

/// <summary>
/// The values of one deployment's secrets: made when first asked for, the same ever after in that deployment (head gets what the base got), and nowhere but in a private folder of the run, which goes with it.
/// </summary>
/// <param name="folder">The deployment's own, absolute.</param>
public sealed class RunSecrets(string folder)
{
    private const UnixFileMode Mine = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string kept = Path.Combine(folder, "secrets");

    /// <summary>Every value so far, for redactors.</summary>
    public IReadOnlyList<string> Values => Directory.Exists(kept) ? [.. Directory.EnumerateFiles(kept).Order(StringComparer.Ordinal).Select(File.ReadAllText)] : [];

    public string ValueOf(RecipeSecret secret) => File.ReadAllText(FileOf(secret));

    /// <summary>A file that holds the value alone, without a line's end: for tools that take secrets from files.</summary>
    public string FileOf(RecipeSecret secret)
    {
        var file = Path.Combine(kept, Encode(secret.Target));
        if (!File.Exists(file))
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(kept);
            }
            else
            {
                Directory.CreateDirectory(kept, Mine | UnixFileMode.UserExecute);
            }

            AtomicFile.Write(file, secret.Given ?? secret.Maker.Make(), durable: false, Mine);
        }

        return file;
    }

    /// <summary>Names come from recipes.</summary>
    private static string Encode(string name) => name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') ? name : Convert.ToHexStringLower(Encoding.UTF8.GetBytes(name));
}
