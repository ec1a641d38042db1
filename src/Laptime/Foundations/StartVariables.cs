namespace Laptime.Foundations;

/// <summary>
/// The variables that this process was started with, as the kernel has them (Linux): the base library would fill a hash table with all of them, and read each by way of its transcoder.
/// For the no-op path, which changes none.
/// </summary>
public sealed class StartVariables
{
    private const int MostBytes = 4 * 1024 * 1024;
    private readonly byte[] block;

    private StartVariables(byte[] block) => this.block = block;

    /// <summary>Null when they cannot be read.</summary>
    public static StartVariables? Read() => RawFile.Read("/proc/self/environ", MostBytes) is { } block ? new StartVariables(block) : null;

    /// <summary>The first variable of that name, as the system's own getenv finds it; null when there is none.</summary>
    public string? Value(string name)
    {
        for (var start = 0; start < block.Length; start = Next(start))
        {
            if (Begins(start, name) && start + name.Length < block.Length && block[start + name.Length] == (byte)'=')
            {
                var value = start + name.Length + 1;
                var end = value;
                while (end < block.Length && block[end] != 0)
                {
                    end++;
                }

                return PlainText.Text(new ReadOnlySpan<byte>(block, value, end - value));
            }
        }

        return null;
    }

    /// <summary>Where the first entry begins; <see cref="Next"/> has those after it, until <see cref="End"/>.</summary>
    public static int First => 0;

    public int End => block.Length;

    public int Next(int start)
    {
        while (start < block.Length && block[start] != 0)
        {
            start++;
        }

        return start + 1;
    }

    /// <summary>Does the entry at <paramref name="start"/> begin so? (ASCII.)</summary>
    public bool Begins(int start, string with)
    {
        if (block.Length - start < with.Length)
        {
            return false;
        }

        for (var i = 0; i < with.Length; i++)
        {
            if (block[start + i] != with[i])
            {
                return false;
            }
        }

        return true;
    }
}
