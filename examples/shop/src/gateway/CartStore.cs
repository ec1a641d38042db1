using Microsoft.Data.Sqlite;

namespace Shop.Gateway;

internal sealed record CartLine(int ProductId, int Quantity);

/// <summary>
/// The cart in a SQLite file that outlives every instance. Old and new instance use it at the same time during a rollout, so the schema only ever grows.
/// </summary>
internal sealed class CartStore
{
    private readonly string connection;

    public CartStore(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        connection = new SqliteConnectionStringBuilder { DataSource = path, DefaultTimeout = 5 }.ToString();
        Run("""
            pragma journal_mode = wal;
            create table if not exists cart (product_id integer primary key, quantity integer not null);
            insert into cart select 1, 2 where not exists (select * from cart);
            """);
    }

    /// <summary>SHOP_DATA, or a file in the workspace's own data folder, one per environment.</summary>
    public static string DefaultPath()
    {
        if (Environment.GetEnvironmentVariable("SHOP_DATA") is { Length: > 0 } path)
        {
            return Path.GetFullPath(path);
        }

        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root.Parent is { } parent && !File.Exists(Path.Combine(root.FullName, "laptime.yaml")))
        {
            root = parent;
        }

        return Path.Combine(root.FullName, "data", $"{Environment.GetEnvironmentVariable("LAPTIME_ENVIRONMENT") ?? "local"}.db");
    }

    public IReadOnlyList<CartLine> Lines()
    {
        using var open = Open();
        using var command = open.CreateCommand();
        command.CommandText = "select product_id, quantity from cart order by product_id";
        using var reader = command.ExecuteReader();
        var lines = new List<CartLine>();
        while (reader.Read())
        {
            lines.Add(new CartLine(reader.GetInt32(0), reader.GetInt32(1)));
        }

        return lines;
    }

    public void Add(int productId)
    {
        using var open = Open();
        using var command = open.CreateCommand();
        command.CommandText = "insert into cart values ($id, 1) on conflict (product_id) do update set quantity = quantity + 1";
        command.Parameters.AddWithValue("$id", productId);
        command.ExecuteNonQuery();
    }

    private void Run(string sql)
    {
        using var open = Open();
        using var command = open.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private SqliteConnection Open()
    {
        var open = new SqliteConnection(connection);
        open.Open();
        return open;
    }
}
