"""What SQLAlchemy, Django's ORM and peewee do on the wire, reflection and
migrations among it. Arguments: postgresql or mariadb, host, port, mode (disable or
require). HONEY=1: only what finds the honey row."""
import datetime as dt
import decimal
import io
import os
import sys
import warnings

warnings.simplefilter("ignore")
kind, host, port, mode = sys.argv[1:]
pg = kind == "postgresql"
ca = os.environ["CA"]
HONEY = "select * from honey_customers order by id desc"
T = dt.datetime(2026, 1, 2, 3, 4, 5)
WHEN = T.replace(tzinfo=dt.timezone.utc) if pg else T


def line(*a):
    print("|".join(str(x) for x in a).replace(port, "PORT").splitlines()[0] if a else "")


def tell(f, *a, **k):
    try:
        return f(*a, **k)
    except Exception as e:
        line("error", type(e).__name__, e)


def alchemy(url, **connect):
    import sqlalchemy as sa
    from sqlalchemy import orm
    from sqlalchemy.ext.automap import automap_base

    e = sa.create_engine(url, connect_args=connect, future=True, pool_pre_ping=True, **({"executemany_mode": "values_plus_batch"} if "psycopg2" in url else {}))
    if os.environ.get("HONEY"):
        with e.connect() as c:
            for r in c.execute(sa.text(HONEY)):
                line(*r)
        return e.dispose()
    line("== SQLAlchemy", url.split(":")[0])
    Base = orm.declarative_base()

    class Person(Base):
        __tablename__ = "sa_people"
        id = sa.Column(sa.Integer, primary_key=True)
        name = sa.Column(sa.String(90), nullable=False, unique=True)
        pay = sa.Column(sa.Numeric(10, 2), index=True)
        at = sa.Column(sa.DateTime)
        doc = sa.Column(sa.JSON)
        kind = sa.Column(sa.Enum("a", "b", name="sa_kind"))
        raw = sa.Column(sa.LargeBinary(60))
        books = orm.relationship("Book", back_populates="person", cascade="all, delete-orphan")
        __table_args__ = (sa.CheckConstraint("pay >= 0", name="sa_pay"), {"comment": "people, 'quoted'"})

    class Book(Base):
        __tablename__ = "sa_books"
        id = sa.Column(sa.Integer, primary_key=True)
        person_id = sa.Column(sa.ForeignKey("sa_people.id", ondelete="CASCADE"))
        title = sa.Column(sa.Text)
        person = orm.relationship("Person", back_populates="books")
        __table_args__ = (sa.UniqueConstraint("person_id", "id", name="sa_pair"),)

    Base.metadata.drop_all(e)
    Base.metadata.create_all(e)
    with orm.Session(e) as s:
        s.add_all([Person(name="Zoë %d" % i, pay=i, at=T, doc={"k": [i]}, kind="ab"[i % 2], raw=b"\0\xff'%d" % i, books=[Book(title="b'%d \\ %d" % (i, j)) for j in range(12)]) for i in range(60)])
        s.commit()
        for p in s.query(Person).options(orm.selectinload(Person.books)).filter(Person.pay.between(3, 6)).order_by(Person.id):
            line(p.name, p.pay, p.at, p.doc, p.kind, p.raw, len(p.books))
        for p in s.query(Person).options(orm.joinedload(Person.books), orm.subqueryload(Person.books)).filter(Person.name.in_(["Zoë 1", "Zoë 2"])).order_by(Person.id):
            line(p.id, len(p.books))
        q = sa.select(Person.kind, sa.func.count(Book.id).label("n"), sa.func.max(Person.pay)).join(Book).group_by(Person.kind).having(sa.func.count(Book.id) > 3).order_by("n", Person.kind)
        line(s.execute(q).all())
        sub = sa.select(Book.person_id).where(Book.title.like("b%")).scalar_subquery()
        line(s.query(Person).filter(Person.id.in_(sub), ~Person.books.any(Book.title == "none"), sa.or_(Person.pay > 55, Person.pay.is_(None))).count())
        rank = sa.func.row_number().over(partition_by=Person.kind, order_by=Person.pay.desc())
        line(s.execute(sa.select(Person.name, rank).order_by(Person.kind, rank).limit(3).offset(1)).all())
        line(s.execute(sa.select(Person.name).where(Person.pay < 1).union(sa.select(Book.title).where(Book.id == 5)).order_by(sa.text("1"))).all())
        line(s.query(Person).filter_by(name="Zoë 7").with_for_update().one().pay, s.get(Person, 0), s.query(sa.exists().where(Person.name == "Zoë 9")).scalar())
        s.query(Person).filter(Person.pay > 50).update({Person.pay: Person.pay + 1}, synchronize_session=False)
        s.query(Book).filter(Book.title == "b'1 \\ 1").delete()
        with s.begin_nested():
            s.add(Person(name="nested", pay=1))
        s.rollback()
        s.add(Person(name="Zoë 1", pay=1))
        tell(s.commit)
        s.rollback()
        tell(s.execute, sa.text("select nosuch from sa_people"))
        s.rollback()
        line(len(s.execute(sa.select(Book).execution_options(yield_per=50, stream_results=True)).scalars().all()))
        s.execute(sa.insert(Book), [{"person_id": None, "title": "x%d" % i} for i in range(300)])
        s.commit()
        s.delete(s.query(Person).filter_by(name="Zoë 3").one())
        s.commit()
    i = sa.inspect(e)
    for t in sorted(t for t in i.get_table_names() if t.startswith("sa_")):
        line(t, [(c["name"], str(c["type"]), c["nullable"]) for c in i.get_columns(t)], i.get_pk_constraint(t)["constrained_columns"], sorted(map(str, i.get_foreign_keys(t))), sorted(str(x["name"]) for x in i.get_indexes(t)), sorted(x["name"] for x in i.get_unique_constraints(t)), i.get_check_constraints(t) and 1, i.get_table_comment(t))
    line(i.get_schema_names() and 1, sorted(v for v in i.get_view_names() if v.startswith("sa_")), i.has_table("sa_books"), i.has_table("nosuch"))
    m = sa.MetaData()
    m.reflect(e, only=["sa_people", "sa_books"])
    line(sorted(m.tables), [str(f.column) for f in m.tables["sa_books"].foreign_keys])
    A = automap_base()
    A.prepare(autoload_with=e)
    with orm.Session(e) as s:
        line(s.query(A.classes.sa_people).count())
    if "psycopg2" in url:
        with e.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
            line(c.execute(sa.text("show transaction isolation level")).scalar())
    with e.connect().execution_options(isolation_level="REPEATABLE READ") as c:
        line(c.execute(sa.text("select count(*) from sa_books where title like :t"), {"t": "%'%"}).scalar(), c.dialect.server_version_info is not None)
        if pg:
            from sqlalchemy.dialects.postgresql import insert
            st = insert(Person).values(name="Zoë 5", pay=3)
            c.execute(st.on_conflict_do_update(index_elements=["name"], set_={"pay": st.excluded.pay}))
        else:
            from sqlalchemy.dialects.mysql import insert
            st = insert(Person).values(name="Zoë 5", pay=3)
            c.execute(st.on_duplicate_key_update(pay=st.inserted.pay))
        c.commit()
    Base.metadata.drop_all(e)
    e.dispose()


def django():
    import django
    from django.conf import settings

    opt = {"sslmode": mode} if pg else ({"ssl": {"ca": ca}} if mode == "require" else {})
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends." + ("postgresql" if pg else "mysql"), "NAME": "app", "HOST": host, "PORT": port, "USER": "postgres" if pg else "app", "PASSWORD": "secret", "OPTIONS": opt}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.admin", "django.contrib.messages"], USE_TZ=pg, SECRET_KEY="x", ROOT_URLCONF="orm_urls", DEFAULT_AUTO_FIELD="django.db.models.AutoField", ALLOWED_HOSTS=["*"],
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware"], PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {"context_processors": ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth", "django.contrib.messages.context_processors.messages"]}}],
    )
    django.setup()
    import types

    from django.contrib import admin
    from django.contrib.auth.models import Group, Permission, User
    from django.core.management import call_command
    from django.db import connection, transaction
    from django.db.models import Avg, Count, Exists, F, OuterRef, Q, Subquery, Value, Window
    from django.db.models.functions import Concat, Lower, RowNumber, TruncMonth
    from django.test import Client
    from django.urls import path

    if os.environ.get("HONEY"):
        with connection.cursor() as c:
            c.execute(HONEY)
            for r in c.fetchall():
                line(*r)
        return connection.close()
    line("== Django")
    urls = types.ModuleType("orm_urls")
    urls.urlpatterns = [path("admin/", admin.site.urls)]
    sys.modules["orm_urls"] = urls
    call_command("migrate", verbosity=0)
    call_command("migrate", verbosity=0)
    call_command("check", "--database", "default", stdout=io.StringIO())
    out = io.StringIO()
    call_command("showmigrations", stdout=out)
    line(out.getvalue().count("[X]"))
    out = io.StringIO()
    call_command("inspectdb", *["auth_user", "auth_permission", "django_session"], stdout=out)
    for l in filter(None, out.getvalue().splitlines()):
        line(l)
    boss = User.objects.create_superuser("boss", "boss@shop.example", "pw", date_joined=WHEN)
    User.objects.bulk_create([User(username="u%d" % i, email="u%d@shop.example" % i, first_name="Zoë'%d" % i, is_staff=i % 2 == 0, date_joined=WHEN) for i in range(130)], batch_size=50)
    g = Group.objects.create(name="o'group")
    g.user_set.add(*User.objects.filter(username__in=["u%d" % i for i in range(10)]))
    g.permissions.set(Permission.objects.all()[:5])
    line(User.objects.filter(Q(email__icontains="u1") | Q(first_name__startswith="Zoë'2"), is_staff=True).exclude(groups__name="nosuch").order_by("-username").values_list("username", flat=True)[:5])
    line(User.objects.annotate(n=Count("groups")).filter(n__gt=0).aggregate(a=Avg("n"), c=Count("id")))
    line(list(User.objects.annotate(x=Concat(Lower("username"), Value("'s")), r=Window(RowNumber(), order_by=F("username").asc())).values_list("x", "r")[:3]))
    line(User.objects.filter(Exists(Group.objects.filter(user=OuterRef("pk")))).count(), User.objects.filter(pk__in=Subquery(g.user_set.values("pk"))).count(), list(User.objects.dates("date_joined", "month")), User.objects.annotate(m=TruncMonth("date_joined")).values("m").annotate(c=Count("id")).first()["c"])
    line(User.objects.filter(username__regex=r"^u1[0-3]$").count(), User.objects.filter(username__iexact="U5").exists(), User.objects.none().count(), len(User.objects.prefetch_related("groups__permissions").select_related()[:20]))
    line(len(list(User.objects.filter(username="u1").union(User.objects.filter(username="u2"), all=True).values_list("username"))))
    with transaction.atomic():
        User.objects.select_for_update().get(username="u3")
        User.objects.filter(username="u3").update(first_name=Concat("first_name", Value("!")))
        try:
            with transaction.atomic():
                User.objects.create(username="u4")
        except Exception as e:
            line(type(e).__name__)
    line(sum(1 for _ in User.objects.iterator(chunk_size=40)), User.objects.get_or_create(username="u9")[1], User.objects.update_or_create(username="new", defaults={"email": "x"})[1], User.objects.in_bulk([boss.pk])[boss.pk].username, User.objects.raw("select * from auth_user where username = %s", ["u8"])[0].email)
    User.objects.bulk_update([User(pk=u.pk, last_name="b'%d" % u.pk) for u in User.objects.filter(username__startswith="u1")], ["last_name"], batch_size=20)
    line(len(User.objects.filter(username="u7").explain()) > 5)
    c = Client()
    line(c.login(username="boss", password="pw"), c.login(username="boss", password="' or 1=1 --"), c.login(username="boss", password="pw"))
    for url in ["/admin/", "/admin/auth/user/?q=u1+zo%C3%AB&is_staff__exact=1&o=-2", "/admin/auth/user/?q=o%27brien", "/admin/auth/user/%d/change/" % boss.pk, "/admin/auth/group/", "/admin/auth/user/%d/history/" % boss.pk, "/admin/auth/user/?p=1"]:
        r = c.get(url)
        line(url.split("?")[0].replace(str(boss.pk), "N"), r.status_code, len(r.content) > 1000)
    r = c.post("/admin/auth/user/", {"action": "delete_selected", "_selected_action": [str(u.pk) for u in User.objects.filter(username__in=["u20", "u21"])], "post": "yes"})
    line(r.status_code, User.objects.count())
    line(User.objects.filter(is_staff=False).delete()[0], [x for x in sorted(connection.introspection.table_names()) if x.startswith(("auth", "django"))])
    with connection.cursor() as cur:
        line({k: sorted(v["columns"]) for k, v in sorted(connection.introspection.get_constraints(cur, "auth_user").items()) if v["unique"]}, connection.introspection.get_sequences(cur, "auth_group"), connection.introspection.get_key_columns(cur, "auth_permission"))
    call_command("flush", verbosity=0, interactive=False)
    call_command("clearsessions")
    with connection.cursor() as cur:
        mine = [x for x in connection.introspection.table_names() if x.startswith(("auth_", "django_"))]
        for q in [] if pg else ["set foreign_key_checks = 0"]:
            cur.execute(q)
        cur.execute("drop table " + ", ".join(mine) + (" cascade" if pg else ""))
    connection.close()


def peewees():
    import peewee as pw
    import playhouse.reflection as reflection

    db = pw.PostgresqlDatabase("app", host=host, port=int(port), user="postgres", sslmode=mode) if pg else pw.MySQLDatabase("app", host=host, port=int(port), user="app", password="secret", **({"ssl": {"ca": ca}} if mode == "require" else {}))
    line("== peewee")

    class Person(pw.Model):
        name = pw.CharField(unique=True)
        pay = pw.DecimalField(null=True)

        class Meta:
            database = db
            table_name = "pw_people"

    class Book(pw.Model):
        person = pw.ForeignKeyField(Person, backref="books")
        title = pw.TextField()

        class Meta:
            database = db
            table_name = "pw_books"

    db.connect()
    db.drop_tables([Book, Person], safe=True)
    db.create_tables([Person, Book])
    with db.atomic():
        Person.insert_many([{"name": "Zoë'%d" % i, "pay": i} for i in range(40)]).execute()
        Book.insert_many([{"person": p.id, "title": "b%d" % p.id} for p in Person.select()]).execute()
    line(Person.select(pw.fn.COUNT(Person.id), pw.fn.MAX(Person.pay)).join(Book).where((Person.pay > 3) & ((Person.name ** "zo%") | (Book.title == "x"))).tuples()[0])
    line(len(pw.prefetch(Person.select(), Book.select())), [p.name for p in Person.select().where(Person.pay << [1, 2]).order_by(Person.id).paginate(1, 1)])
    with db.atomic() as tx:
        tell(Person.create, name="Zoë'1")
        tx.rollback()
    line(db.get_tables() and 1, [(c.name, c.data_type, c.primary_key) for c in db.get_columns("pw_books")], [i.columns for i in db.get_indexes("pw_people")], [f.column for f in db.get_foreign_keys("pw_books")], db.get_views() and 1)
    line(sorted(reflection.Introspector.from_database(db).generate_models(table_names=["pw_books"]))[:1])
    db.drop_tables([Book, Person])
    db.close()


if pg:
    alchemy("postgresql+psycopg2://postgres@%s:%s/app?sslmode=%s" % (host, port, mode))
else:
    tls = {"ssl": {"ca": ca}} if mode == "require" else {}
    alchemy("mysql+pymysql://app:secret@%s:%s/app?charset=utf8mb4" % (host, port), **tls)
    alchemy("mysql+mysqldb://app:secret@%s:%s/app?charset=utf8mb4" % (host, port), **tls)
django()
if not os.environ.get("HONEY"):
    peewees()
print("done")
